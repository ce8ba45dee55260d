/**
 * Parses the one SSH public key that a VM will trust, and writes it anew without its comment.
 *
 * Pure. The line becomes public for ever in a message, so a private key pasted by mistake is recognised by its own.
 */
import { fromBase64Url, fromUtf8, toBase64 } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/hash.ts";

export type SshKeyType =
  | "ssh-ed25519"
  | "ssh-rsa"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521";

export type SshKey = {
  /** Type and key, no options, no comment. */
  readonly line: string;
  /** `SHA256:…` as ssh-keygen prints it. */
  readonly fingerprint: string;
  readonly type: SshKeyType;
};

const TEXT_BYTES_MAX = 1_024;
/** Below this OpenSSH itself refuses a key by default since 9.x or calls it weak. */
const RSA_BITS_MIN = 2_048;
const CURVES = { nistp256: 65, nistp384: 97, nistp521: 133 } as const;
const LINE = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]{16,1000}={0,2})(?: [^\r\n]*)?$/;
/** PEM and PuTTY files, and the body of an OpenSSH key pasted without its first line. */
const PRIVATE = /-----BEGIN [A-Z ]*PRIVATE KEY|PuTTY-User-Key-File|AGE-SECRET-KEY-1|b3BlbnNzaC1rZXktdjE/;

/** `undefined` for anything but one well-formed key. */
export function parseSshPubkey(text: string): SshKey | "private_key" | undefined {
  if (PRIVATE.test(text)) return "private_key";
  if (text.length > TEXT_BYTES_MAX) return undefined;
  const parts = LINE.exec(text.trim());
  if (parts === null) return undefined;
  const type = parts[1] as SshKeyType;
  const blob = fromBase64Url((parts[2] ?? "").replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
  if (blob === undefined || !isKey(type, blob)) return undefined;
  return {
    line: `${type} ${toBase64(blob)}`,
    fingerprint: `SHA256:${toBase64(sha256(blob)).replaceAll("=", "")}`,
    type,
  };
}

function isKey(type: SshKeyType, blob: Uint8Array): boolean {
  const fields = fieldsOf(blob);
  if (fields?.[0] === undefined || ascii(fields[0]) !== type) return false;
  if (type === "ssh-ed25519") return fields.length === 2 && fields[1]?.length === 32;
  if (type === "ssh-rsa") return fields.length === 3 && isRsa(fields[1], fields[2]);
  const curve = type.slice("ecdsa-sha2-".length) as keyof typeof CURVES;
  const point = fields[2];
  if (fields.length !== 3 || fields[1] === undefined || ascii(fields[1]) !== curve) return false;
  return point !== undefined && point.length === CURVES[curve] && point[0] === 0x04;
}

function isRsa(exponent: Uint8Array | undefined, modulus: Uint8Array | undefined): boolean {
  if (exponent === undefined || modulus === undefined || exponent.length === 0 || exponent.length > 8) return false;
  const odd = (bytes: Uint8Array): boolean => ((bytes.at(-1) ?? 0) & 1) === 1;
  const positive = (bytes: Uint8Array): boolean => (bytes[0] ?? 0x80) < 0x80;
  const significant = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  const bits = significant.length * 8 - Math.clz32(significant[0] ?? 0) + 24;
  return positive(exponent) && positive(modulus) && odd(exponent) && odd(modulus) && bits >= RSA_BITS_MIN;
}

/** The length-prefixed fields of an SSH blob; `undefined` if they do not fill it exactly. */
function fieldsOf(blob: Uint8Array): readonly Uint8Array[] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const fields: Uint8Array[] = [];
  let at = 0;
  while (at < blob.length) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + view.getUint32(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function ascii(bytes: Uint8Array): string {
  return bytes.every((byte) => byte < 0x80) ? fromUtf8(bytes) : "";
}

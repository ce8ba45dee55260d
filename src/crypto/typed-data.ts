/**
 * EIP-712 digests of flat structs (string, address, uint256, bytes32, bool). Pure.
 *
 * The texts are composed by us and shown by the owner's wallet, so every doubt is a programmer's error: a field without
 * a value, a value without a field (a wallet would show or hide it without signing it), a missing EIP712Domain.
 */
import { AllowanceError } from "../errors.ts";
import { concat, fromHex, isHex, utf8 } from "./bytes.ts";
import { keccak256 } from "./hash.ts";
import { recoverDigest } from "./secp256k1.ts";
import type { Address } from "./secp256k1.ts";

type Field = { readonly name: string; readonly type: string };
type Value = string | number | boolean;

/** As it goes to `eth_signTypedData_v4`: `types` holds EIP712Domain too, uint256 values are decimal strings. */
export type TypedData = {
  readonly types: Readonly<Record<string, readonly Field[]>>;
  readonly domain: Readonly<Record<string, string | number>>;
  readonly primaryType: string;
  readonly message: Readonly<Record<string, Value>>;
};

const WORD_BYTES = 32;
const UINT256_BITS = 256n;

/** The 32 bytes that a wallet signs. Throws `internal.invariant` for data that is not complete and flat. */
export function typedDataDigest(data: TypedData): Uint8Array {
  const domain = structHash(data, "EIP712Domain", data.domain);
  return keccak256(concat(Uint8Array.of(0x19, 0x01), domain, structHash(data, data.primaryType, data.message)));
}

/** As strict as `recoverDigest` about the signature; about the data it throws as `typedDataDigest` does. */
export function recoverTypedData(data: TypedData, signature: string): Address | undefined {
  return recoverDigest(typedDataDigest(data), signature);
}

function structHash(data: TypedData, typeName: string, values: Readonly<Record<string, Value>>): Uint8Array {
  const fields = data.types[typeName];
  if (fields === undefined) throw broken("type");
  if (new Set(fields.map(({ name }) => name)).size !== fields.length) throw broken("field");
  if (Object.keys(values).length !== fields.length) throw broken("field");
  const header = `${typeName}(${fields.map(({ type, name }) => `${type} ${name}`).join(",")})`;
  const words = fields.map(({ name, type }) => word(type, Object.hasOwn(values, name) ? values[name] : undefined));
  return keccak256(concat(keccak256(utf8(header)), ...words));
}

function word(type: string, value: Value | undefined): Uint8Array {
  if (type === "string" && typeof value === "string" && value.isWellFormed()) return keccak256(utf8(value));
  if (type === "address" && prefixedHex(value, 20)) return leftPadded(fromHex(value));
  if (type === "bytes32" && prefixedHex(value, WORD_BYTES)) return fromHex(value);
  if (type === "bool" && typeof value === "boolean") return leftPadded(Uint8Array.of(value ? 1 : 0));
  if (type === "uint256") return uint256(value);
  throw broken("value");
}

function prefixedHex(value: Value | undefined, byteLength: number): value is string {
  return typeof value === "string" && value.startsWith("0x") && isHex(value, byteLength);
}

function uint256(value: Value | undefined): Uint8Array {
  const decimal = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  // 78 digits are enough for 2^256 - 1; no signs, no leading zeros, no 0x.
  if (typeof decimal !== "string" || !/^(0|[1-9][0-9]{0,77})$/.test(decimal)) throw broken("value");
  const number = BigInt(decimal);
  if (number >> UINT256_BITS !== 0n) throw broken("value");
  return fromHex(number.toString(16).padStart(2 * WORD_BYTES, "0"));
}

function leftPadded(bytes: Uint8Array): Uint8Array {
  return concat(new Uint8Array(WORD_BYTES - bytes.length), bytes);
}

function broken(what: string): AllowanceError {
  return new AllowanceError("internal.invariant", { what: `typed data ${what}` });
}

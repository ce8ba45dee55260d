/**
 * The dev wallet: an EIP-6963 provider with a public test key, so that no extension is needed on the twin.
 *
 * The page's script asks this Worker to sign; the key is the first of the test mnemonic that every Ethereum tool prints
 * and must never hold anything. Only the dev entry imports this file: `npm run bundle` proves that production does not.
 */
import { fromHex } from "../src/crypto/bytes.ts";
import { addressOf, signDigest, signPersonal } from "../src/crypto/secp256k1.ts";
import { type TypedData, typedDataDigest } from "../src/crypto/typed-data.ts";

export const DEV_WALLET_SCRIPT = "/__dev/wallet.js";
const SIGN_PATH = "/__dev/wallet/request";
const KEY = fromHex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

/** Undefined for a path that is not the wallet's. */
export async function devWallet(request: Request): Promise<Response | undefined> {
  const { pathname, origin } = new URL(request.url);
  if (pathname === DEV_WALLET_SCRIPT)
    return new Response(SCRIPT, { headers: { "content-type": "text/javascript; charset=utf-8" } });
  if (pathname !== SIGN_PATH) return undefined;
  if (request.method !== "POST" || request.headers.get("origin") !== origin)
    return Response.json({ error: "same origin only" }, { status: 403 });
  const { method, params } = await request.json<{ method: string; params?: readonly string[] }>();
  const result = answer(method, params ?? []);
  return result === undefined ? Response.json({ error: "unsupported" }, { status: 400 }) : Response.json({ result });
}

function answer(method: string, params: readonly string[]): unknown {
  const [first, second] = params;
  if (method === "eth_requestAccounts" || method === "eth_accounts") return [addressOf(KEY)];
  if (method === "eth_chainId") return "0x1";
  if (method === "personal_sign" && first !== undefined) return signPersonal(messageBytes(first), KEY);
  if (method === "eth_signTypedData_v4" && second !== undefined)
    return signDigest(typedDataDigest(JSON.parse(second) as TypedData), KEY);
  return undefined;
}

/** Wallets take hex bytes or plain text. */
const messageBytes = (text: string): Uint8Array =>
  /^0x([0-9a-f]{2})*$/i.test(text) ? fromHex(text) : new TextEncoder().encode(text);

const SCRIPT = `
const provider = {
  async request({ method, params }) {
    const answer = await fetch(${JSON.stringify(SIGN_PATH)}, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ method, params }) });
    const { result, error } = await answer.json();
    if (error) throw Object.assign(new Error(error), { code: 4200 });
    return result;
  },
  on() {},
  removeListener() {},
};
const icon = "data:image/svg+xml," + encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1" fill="#e60"/></svg>');
const info = { uuid: "b9a5f6f2-0000-4000-8000-00000000dead", name: "Dev wallet", icon, rdns: "dev.allowance.wallet" };
const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
addEventListener("eip6963:requestProvider", announce);
announce();
`;

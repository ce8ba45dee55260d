/**
 * Wallets in the browser, found through EIP-6963 announcements only, and the few calls that are made of them.
 *
 * On the local twin only its own wallet is offered: a real one would sign bytes that are valid on the real network.
 */
const DENIED = 4001;
const onTwin = document.body.dataset.network === "twin";

/** What our own server refused, in its fixed words. */
export class Refused extends Error {
  constructor({ says, hint, facts = {}, code }) {
    const line =
      facts.owners_line === undefined ? "" : ` If this service is yours, set ${facts.owners_line} and start it again.`;
    const field = facts.field === undefined ? "" : ` (${facts.field})`;
    super(hint ?? `${says ?? "The service did not answer as it should."}${field}${line}`);
    this.code = code;
    this.outlived = facts.field === "nonce";
  }
}

export async function post(path, body) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(value);
  return value;
}

/** Lists wallets as buttons as they announce themselves; `onPick` runs when one is pressed. Returns the present choice. */
export function offerWallets(root, { onPick, preselect = false }) {
  const list = root.querySelector("[data-wallets]");
  const seen = new Set();
  const state = { chosen: undefined };
  const empty = document.createElement("p");
  empty.textContent =
    "No wallet has announced itself in this browser. Install one, or open this page in a wallet's own browser.";
  list.append(empty);
  const pick = (wallet, button) => {
    state.chosen = wallet;
    for (const other of list.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
  };
  addEventListener("eip6963:announceProvider", ({ detail }) => {
    const { info, provider } = detail ?? {};
    if (info === undefined || provider === undefined || seen.has(info.uuid)) return;
    if (onTwin && !String(info.rdns).startsWith("dev.")) return;
    seen.add(info.uuid);
    empty.remove();
    const button = document.createElement("button");
    button.type = "button";
    button.className = "wallet";
    button.textContent = String(info.name).slice(0, 40);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      pick({ provider }, button);
      onPick?.({ provider });
    });
    list.append(button);
    if (preselect && state.chosen === undefined) pick({ provider }, button);
  });
  dispatchEvent(new Event("eip6963:requestProvider"));
  return state;
}

/** The account to sign with: `owner` if one is given, the wallet's first otherwise. */
export async function accountOf({ provider }, owner) {
  const accounts = await provider.request({ method: "eth_requestAccounts" });
  const found = owner === undefined ? accounts[0] : accounts.find((one) => one.toLowerCase() === owner.toLowerCase());
  if (found === undefined)
    throw new Error(
      owner === undefined ? "The wallet gave no account." : `Switch the wallet to ${owner} and try again.`,
    );
  return found;
}

/** personal_sign over the UTF-8 bytes; given as hex, because some wallets take plain text that looks like hex for bytes. */
export function signText({ provider }, account, text) {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0"));
  return ask(provider, "personal_sign", [`0x${bytes.join("")}`, account]);
}

/** `typedData` is the server's JSON text and goes to the wallet unchanged. */
export async function signTyped({ provider }, account, typedData) {
  try {
    return await ask(provider, "eth_signTypedData_v4", [account, typedData]);
  } catch (error) {
    if (error.denied) throw error;
    throw new Error(
      `The wallet could not sign this (error ${String(error.walletCode ?? "unknown").slice(0, 12)}). Some older versions stumble over typed data ` +
        "without a contract address or with a salt. It was tried with the signing of viem 2.57; a newer version of your wallet, or another " +
        "one that knows eth_signTypedData_v4, should do. Or choose approval by click under Limits: that is a widening, to be signed once elsewhere.",
    );
  }
}

async function ask(provider, method, params) {
  try {
    return await provider.request({ method, params });
  } catch (error) {
    const denied = error?.code === DENIED;
    const words = denied ? "You said no in the wallet. Nothing was signed." : "The wallet could not sign this.";
    throw Object.assign(new Error(words), { denied, walletCode: error?.code });
  }
}

/** Runs one step at a time, says how it goes, and keeps the buttons still meanwhile. */
export async function step(status, buttons, words, work) {
  status.className = "";
  status.textContent = words;
  for (const button of buttons) button.disabled = true;
  try {
    await work();
  } catch (error) {
    status.className = "warning";
    status.textContent = error instanceof Error ? error.message : "That did not work.";
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

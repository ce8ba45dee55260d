/** The owner's limits in a form: reading them, what they cost at worst, and having wider ones signed. */
import { accountOf, post, signTyped } from "./wallet.js";

const DAY_MS = 86_400_000;
const TICKS = ["approval_first_vm", "approval_gpu"];

/** Everything in the form as text; a tick that is not set says `no`. */
export function readPolicy(root) {
  const values = {};
  for (const input of root.querySelectorAll("input[name]")) {
    if (input.type === "checkbox") values[input.name] = input.checked ? "yes" : "no";
    else if (input.type !== "radio" || input.checked) values[input.name] = input.value.trim();
  }
  return values;
}

export function fillPolicy(root, values) {
  for (const input of root.querySelectorAll("input[name]")) {
    const value = values[input.name] ?? "";
    if (TICKS.includes(input.name)) input.checked = value === "yes";
    else if (input.type === "radio") input.checked = input.value === value;
    else input.value = value;
  }
}

/** What a browser finds wrong is shown even inside a closed fold: otherwise the form stays where it is without a word. */
export function unfold(form) {
  const open = ({ target }) => target.closest("details:not([open])")?.setAttribute("open", "");
  form.addEventListener("invalid", open, true);
}

export function isSame(root, saved) {
  const now = readPolicy(root);
  return Object.keys({ ...now, ...saved }).every((name) => (now[name] ?? "") === (saved[name] ?? ""));
}

/** The most that all agents together can spend, in dollars, before the limits that never refill stop them. */
export function worstOf(values) {
  const daily = Number(values.window_86400_usd || Infinity);
  const days = Math.max(1, Math.ceil((Date.parse(`${values.expires_on}T23:59:59Z`) - Date.now()) / DAY_MS));
  const worst = Math.min(Number(values.lifetime_usd), daily * days);
  return Number.isFinite(worst) ? worst : 0;
}

export const dollars = (value) => (value === null ? "unknown" : `$${value.toFixed(value !== 0 && value < 1 ? 4 : 2)}`);

/** Has the draft offered: the answer says whether it has to be signed, and what it would have refused of late. */
export const offerDraft = (path, body) => post(path, body);

/** Signs an offer if it has to be. Returns the nonce and, perhaps, the signature. */
export async function signOffer(offer, wallet, owner) {
  if (offer.typed_data === null) return { nonce: offer.nonce };
  if (wallet === undefined) throw new Error("Choose a wallet first: these limits need your signature.");
  const account = await accountOf(wallet, owner);
  return { nonce: offer.nonce, signature: await signTyped(wallet, account, offer.typed_data) };
}

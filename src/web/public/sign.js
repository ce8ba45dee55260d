/** What an owner signs outside consent: the sign-in, an approval, the limits, the delegation, the ways out. */
import { dollars, isSame, offerDraft, readPolicy, signOffer, unfold, worstOf } from "./policy.js";
import { accountOf, offerWallets, post, signText, signTyped, step } from "./wallet.js";

const find = (selector) => document.querySelector(selector);
const statusOf = (root) => root.querySelector("[data-status]");

const signInRoot = find("[data-sign-in]");
if (signInRoot !== null) {
  offerWallets(signInRoot, {
    onPick: (wallet) =>
      step(statusOf(signInRoot), signInRoot.querySelectorAll("button"), "Asking the wallet…", () => signIn(wallet)),
  });
}

async function signIn(wallet) {
  const address = await accountOf(wallet);
  const { text } = await post("/signin/challenge", { address });
  await post("/signin", { signature: await signText(wallet, address, text) });
  if (location.pathname === "/") location.assign("/dashboard");
  else location.reload();
}

const approveRoot = find("[data-approve]");
if (approveRoot !== null) {
  const bySignature = approveRoot.dataset.by === "signature";
  const wallets = bySignature ? offerWallets(approveRoot, { preselect: true }) : { chosen: undefined };
  const buttons = approveRoot.querySelectorAll("[data-yes], [data-no]");
  const run = (words, work) => step(statusOf(approveRoot), buttons, words, work);
  approveRoot
    .querySelector("[data-yes]")
    .addEventListener("click", () => run("Asking the wallet…", () => decide("approve", bySignature, wallets)));
  approveRoot
    .querySelector("[data-no]")
    .addEventListener("click", () => run("Saying no…", () => decide("deny", false, wallets)));
}

async function decide(verdict, signs, wallets) {
  const { approve: id, nonce, typed, owner } = approveRoot.dataset;
  const body = { nonce, verdict };
  if (signs) {
    if (wallets.chosen === undefined) throw new Error("Choose a wallet first.");
    const account = await accountOf(wallets.chosen, owner);
    body.signature = await signTyped(wallets.chosen, account, typed);
  }
  try {
    await post(`/approve/${encodeURIComponent(id)}`, body);
  } catch (error) {
    approveRoot.querySelector("[data-reload]").hidden = !error.outlived;
    throw error;
  }
  location.reload();
}

/** What the page has shown of the limits as they stand in the form; any change of them starts anew. */
let tried = null;

const policyForm = find("[data-policy-page]");
if (policyForm !== null) {
  const wallets = offerWallets(policyForm, { preselect: true });
  const fields = policyForm.querySelector("[data-policy]");
  unfold(policyForm);
  policyForm.addEventListener("input", () => {
    tried = null;
    policyForm.querySelector("[data-shadow]").textContent = "";
    policyForm.querySelector("[data-worst-all]").textContent = dollars(worstOf(readPolicy(fields)));
  });
  policyForm.addEventListener("submit", (event) => {
    event.preventDefault();
    void step(statusOf(policyForm), policyForm.querySelectorAll("button"), "Checking the limits…", () =>
      savePolicy(fields, wallets),
    );
  });
}

/** The first click shows what these limits would have refused of late, or that a freeze has another reason; the second saves. */
async function savePolicy(fields, wallets) {
  const { unfreeze, owner, saved } = policyForm.dataset;
  const before = JSON.parse(saved);
  if (unfreeze === "" && before !== null && isSame(fields, before)) throw new Error("Nothing has changed.");
  if (tried === null && (await offerLimits(fields, unfreeze))) return;
  const offer = tried;
  tried = null;
  try {
    await post("/dashboard/policy", await signOffer(offer, wallets.chosen, owner));
  } catch (error) {
    if (error.code !== "account.frozen_anew") throw error;
    // what was signed names the old reason: the new one is shown and signed for, and what was typed stays
    return savePolicy(fields, wallets);
  }
  location.assign("/dashboard");
}

/** Whether there is something to read before the next click. */
async function offerLimits(fields, unfreeze) {
  tried = await offerDraft("/dashboard/policy/offer", { draft: readPolicy(fields), unfreeze });
  const told = [newReason(tried.why), tried.shadow].filter((words) => words !== null);
  if (told.length === 0) return false;
  policyForm.querySelector("[data-shadow]").textContent = [...told, "Press Save again to save these limits."].join(" ");
  policyForm.querySelector("[data-status]").textContent = "";
  return true;
}

function newReason(why) {
  const shown = find("[data-why]");
  if (why === null || shown.textContent === why) return null;
  shown.textContent = why;
  return `The reason of the freeze has changed since this page was opened. It is now: ${why}.`;
}

const fundingRoot = find("[data-funding]");
if (fundingRoot !== null) {
  const wallets = offerWallets(fundingRoot, { preselect: true });
  const button = fundingRoot.querySelector("[data-sign-delegation]");
  button.addEventListener("click", () =>
    step(statusOf(fundingRoot), [button], "Asking the wallet…", () => signDelegation(wallets)),
  );
}

async function signDelegation(wallets) {
  const { owner, hash, text } = fundingRoot.dataset;
  const ticks = [...fundingRoot.querySelectorAll("input[type=checkbox]")];
  if (ticks.some((one) => !one.checked)) throw new Error("Read the entries above and tick each box, or do not sign.");
  if (wallets.chosen === undefined) throw new Error("Choose a wallet first.");
  const account = await accountOf(wallets.chosen, owner);
  const signature = await signText(wallets.chosen, account, text);
  const ticked = (name) => ticks.some((one) => one.name === name && one.checked);
  await post("/dashboard/funding", {
    item_hash: hash,
    signature,
    ticked_everything: ticked("ticked_everything"),
    ticked_doubtful: ticked("ticked_doubtful"),
  });
  location.reload();
}

const leaveRoot = find("[data-leave]");
if (leaveRoot !== null && leaveRoot.querySelector("[data-wallets]") !== null) {
  const wallets = offerWallets(leaveRoot, { preselect: true });
  const buttons = leaveRoot.querySelectorAll("[data-sign-message]");
  for (const button of buttons)
    button.addEventListener("click", () =>
      step(statusOf(leaveRoot), buttons, "Asking the wallet…", () =>
        signMessage(button.closest("[data-message]"), wallets),
      ),
    );
}

/** One message of several on the page: each has ticks of its own. */
async function signMessage(part, wallets) {
  const ticks = [...part.querySelectorAll("input[type=checkbox]")];
  if (ticks.some((one) => !one.checked)) throw new Error("Read the entries above and tick each box, or do not sign.");
  if (wallets.chosen === undefined) throw new Error("Choose a wallet first.");
  const { hash, text } = part.dataset;
  const account = await accountOf(wallets.chosen, leaveRoot.dataset.owner);
  const body = { item_hash: hash, signature: await signText(wallets.chosen, account, text) };
  for (const one of ticks) body[one.name] = true;
  await post("/dashboard/leave/sign", body);
  location.reload();
}

/** The consent page: sign in, show what the account already has, have the limits signed, then send the form. */
import { dollars, fillPolicy, isSame, offerDraft, readPolicy, signOffer, unfold, worstOf } from "./policy.js";
import { accountOf, offerWallets, post, signText, step } from "./wallet.js";

const form = document.querySelector("[data-consent]");
const part = (name) => form.querySelector(`[data-${name}]`);
const signInStep = form.querySelector('[data-step="sign-in"]');
const decideStep = form.querySelector('[data-step="decide"]');
const policyRoot = part("policy");
const budgetRoot = part("budget");
const newAgent = part("new-agent");
const state = { wallet: undefined, owner: undefined, saved: null, grants: [], ready: false };

offerWallets(signInStep, {
  onPick: (wallet) =>
    step(part("status"), signInStep.querySelectorAll("button"), "Asking the wallet…", () => signIn(wallet)),
});

async function signIn(wallet) {
  const { handle } = form.dataset;
  const address = await accountOf(wallet);
  const { text } = await post("/authorize/challenge", { handle, address });
  const signature = await signText(wallet, address, text);
  const { owner, csrf, overview } = await post("/authorize/sign-in", { handle, signature });
  Object.assign(state, { wallet, owner, saved: overview.policy, grants: overview.grants });
  form.elements.csrf.value = csrf;
  show(owner, overview);
}

function show(owner, overview) {
  part("owner").textContent = owner;
  part("unattended").hidden = !overview.unattended;
  part("limits-known").hidden = overview.policy === null;
  if (overview.policy !== null) fillPolicy(policyRoot, overview.policy.form);
  for (const grant of overview.grants) if (grant.state !== "revoked") part("known-agents").append(agentLine(grant));
  part("status").textContent = "";
  signInStep.hidden = true;
  decideStep.hidden = false;
  reckon();
  decideStep.querySelector("input:not([disabled])").focus();
}

function agentLine(grant) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const words = document.createElement("span");
  label.className = "tick";
  Object.assign(input, { type: "radio", name: "agent", value: grant.grant_id });
  const left = dollars(Math.max(0, grant.budget_usd - grant.spent_usd - grant.held_usd));
  const standing = hasEnded(grant) ? "its access has run out" : grant.state;
  words.textContent = `${grant.client_name} at ${grant.redirect_host} comes back (${standing}, ${left} left, ${grant.vms_live} of its VMs alive)`;
  label.append(input, words);
  return label;
}

const hasEnded = (grant) => Date.parse(grant.expires_at) <= Date.now();

/** What the chosen agent has. A new one gets what the page was drawn with, and so does an end that is over. */
function fillBudget() {
  const { agent, budget_usd: budget, agent_expires_on: end } = form.elements;
  const known = state.grants.find((grant) => grant.grant_id === agent.value);
  budget.value = known === undefined ? budget.defaultValue : String(known.budget_usd);
  end.value = known === undefined || hasEnded(known) ? end.defaultValue : known.expires_at.slice(0, 10);
  reckon();
}
part("agents").addEventListener("change", fillBudget);

/** The worst case, as the form stands now. */
function reckon() {
  const isNew = form.elements.agent.value === "new";
  newAgent.hidden = !isNew;
  newAgent.disabled = !isNew;
  const all = worstOf(readPolicy(policyRoot));
  part("worst-all").textContent = dollars(all);
  const budget = Number(form.elements.budget_usd.value);
  part("worst-agent").textContent = isNew
    ? dollars(Math.min(all, Number.isFinite(budget) ? budget : 0))
    : "what is left of its budget";
}
form.addEventListener("input", reckon);
unfold(form);

form.addEventListener("submit", (event) => {
  if (state.ready || event.submitter?.value === "refuse") return;
  event.preventDefault();
  const buttons = form.querySelectorAll("button");
  void step(part("status-decide"), buttons, "Checking the limits…", settleLimits).then(() => {
    // in a task of its own: while a submit event is still being handled, the form ignores a second one without a word
    if (state.ready) setTimeout(() => form.requestSubmit(part("allow")), 0);
  });
});

async function settleLimits() {
  if (state.owner === undefined) throw new Error("Sign in first.");
  const { handle } = form.dataset;
  const agent = { ...readPolicy(budgetRoot), ...readPolicy(newAgent), agent: form.elements.agent.value };
  await post("/authorize/agent", { handle, agent });
  if (state.saved === null || !isSame(policyRoot, state.saved.form)) {
    const offer = await offerDraft("/authorize/policy", { handle, draft: readPolicy(policyRoot) });
    part("shadow").textContent = offer.shadow ?? "";
    const { nonce, signature = "" } = await signOffer(offer, state.wallet, state.owner);
    form.elements.policy_nonce.value = nonce;
    form.elements.policy_signature.value = signature;
  }
  part("status-decide").textContent = "Connecting…";
  state.ready = true;
}

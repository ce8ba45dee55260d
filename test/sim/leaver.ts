/**
 * The owner's ways out, in some histories: a new agent key, leaving early or in order, and the machines that only the
 * owner can end then. Over the pages' own functions, with dice of its own, so that other histories stay as they were.
 */
import { aggregateContent, forgetContent } from "../../src/aleph/contents.ts";
import { buildMessage, verificationText } from "../../src/aleph/message.ts";
import { CHANNEL, SECURITY_CHANNEL } from "../../src/aleph/network.ts";
import { ourEntries } from "../../src/aleph/permissions.ts";
import type { Session } from "../../src/account/contract.ts";
import { beginLeaving, leaveFacts } from "../../src/account/leave.ts";
import { revocationDraft, rotationDraft } from "../../src/account/leave-lists.ts";
import { keepOffer, type Offer, takeSigned } from "../../src/account/owner-messages.ts";
import { prepareKey } from "../../src/account/rotation.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { type Address, addressOf, signPersonal } from "../../src/crypto/secp256k1.ts";
import { answer, refuse } from "../../src/errors.ts";
import type { SimAccount } from "./account.ts";
import { isOfLostKey } from "./check-orphans.ts";
import { type Checker, isOver } from "./checker.ts";
import { Dice } from "./dice.ts";
import type { World } from "./world.ts";

const FORGETS_BEFORE = 4;

export class Leaver {
  private readonly dice: Dice;
  private readonly world: World;
  private readonly checker: Checker;
  private readonly active: boolean;

  constructor(world: World, checker: Checker, seed: number) {
    this.world = world;
    this.checker = checker;
    this.dice = new Dice(seed ^ 0x5bd1e995);
    this.active = this.dice.yes(0.4);
  }

  turn(account: SimAccount): void {
    if (!this.active) return;
    const { store } = account.data;
    const leaving = store.loadLeaving();
    if (store.nextKey() !== null && this.dice.yes(0.4)) return this.signRotation(account);
    if (leaving !== null && this.dice.yes(0.5)) return this.goOn(account);
    const draw = this.dice.next();
    if (draw < 0.05 && store.nextKey() === null) this.prepare(account);
    else if (draw < 0.07 && leaving === null) this.leave(account);
  }

  private session(account: SimAccount): Session {
    return { owner: account.owner, sessionId: "leave" };
  }

  private prepare(account: SimAccount): void {
    const ciphertext = this.dice.random().bytes(32);
    const address = addressOf(ciphertext);
    account.decide((moment) => prepareKey(moment, { address, kekVersion: 1, iv: new Uint8Array(12), ciphertext }));
  }

  /** The page is shown and signed in one go; whoever tampers with it is tested elsewhere. */
  private sign(account: SimAccount, offer: Offer | null, tickedRunning: boolean | undefined): boolean {
    if (offer === null) return false;
    const session = this.session(account);
    const { message } = offer;
    const signature = signPersonal(utf8(verificationText(message)), account.ownerKey);
    const ticks = {
      tickedEverything: true,
      tickedDoubtful: true,
      ...(tickedRunning === undefined ? {} : { tickedRunning }),
    };
    const taken = account.decide((moment) => {
      if (!keepOffer(moment, session, offer)) return refuse("input.invalid");
      const signed = takeSigned(moment, session, { itemHash: message.item_hash, signature, ...ticks });
      return signed.ok ? answer(true) : signed;
    });
    return taken?.ok === true;
  }

  private facts(account: SimAccount) {
    const facts = leaveFacts(account.moment(account.nowMs()));
    const timeS = Math.max(Math.floor(account.nowMs() / 1_000), Math.floor(facts.newestListTimeS) + 1);
    const rebuilt = { authorizations: [], doubtful: [], lastTimeS: 0, agreeing: 3 };
    return { facts, timeS, rebuilt };
  }

  private signRotation(account: SimAccount): void {
    const { facts, timeS, rebuilt } = this.facts(account);
    const { nextKey } = facts;
    if (nextKey === null) return;
    if (!this.sign(account, rotationDraft(facts, nextKey, rebuilt, timeS).offer, false)) return;
    this.world.seen.see("a new agent key is signed for");
    for (const { vm } of account.data.vms.values()) {
      if (isOver(vm)) continue;
      const own = vm.forgets.filter((one) => one.sender === nextKey && one.signature !== null).length;
      this.checker.must(own >= FORGETS_BEFORE, "I5", () => `the new key has signed ${own} FORGETs (${vm.vmId})`);
    }
  }

  private leave(account: SimAccount): void {
    const memo = this.checker.memo(account);
    memo.freezeAsked = true;
    this.checker.asked(
      account,
      account.data.store.loadLive().map((vm) => vm.vmId),
      "revoked",
    );
    const begun = account.decide((moment) => beginLeaving(moment, "revoke"));
    if (begun?.ok !== true) return;
    this.world.seen.see("an owner leaves");
    for (const vm of account.data.store.loadLive())
      this.checker.must(vm.endReason !== null, "I11", () => `left, and ${vm.vmId} may live on`);
  }

  /** The next step of leaving, or back again. */
  private goOn(account: SimAccount): void {
    const { leaving, live } = { leaving: account.data.store.loadLeaving(), live: account.data.store.liveCount() };
    if (leaving?.revokedAtMs !== null) return this.dice.yes(0.3) ? this.comeBack(account) : this.endMachines(account);
    const unasked = this.dice.yes(0.5);
    const { facts, timeS, rebuilt } = this.facts(account);
    const signed = this.sign(account, revocationDraft(facts, rebuilt, timeS).offer, !unasked);
    if (signed && unasked) this.checker.must(live === 0, "I11", () => `revoked while ${live} VMs may live, unasked`);
    if (signed && live > 0) this.world.seen.see("an owner revokes too early");
  }

  private comeBack(account: SimAccount): void {
    const { facts, timeS } = this.facts(account);
    const { owner, agentAddress } = facts;
    const authorizations = ourEntries(agentAddress);
    const content = aggregateContent({ owner, timeS, key: "security", content: { authorizations } });
    const message = buildMessage({ sender: owner, type: "AGGREGATE", channel: SECURITY_CHANNEL, timeS, content });
    const ticks = { everything: false, doubtful: false };
    this.sign(account, { purpose: "delegate", about: agentAddress, message, ticks }, false);
  }

  /** One own FORGET for each machine that the page shows. */
  endMachines(account: SimAccount): void {
    const { facts } = this.facts(account);
    const alive = account.payer.hashes.filter((hash) => this.world.core.aliveOn(hash) > 0);
    for (const [index, target] of [...new Set([...facts.mustEnd, ...alive])].entries()) {
      const timeS = (account.nowMs() + index + 0.5) / 1_000;
      const content = forgetContent({ owner: facts.owner, timeS, hashes: [target] });
      const message = buildMessage({ sender: facts.owner, type: "FORGET", channel: CHANNEL, timeS, content });
      const offer: Offer = { purpose: "forget", about: target, message, ticks: { everything: false, doubtful: false } };
      if (this.sign(account, offer, false)) this.world.seen.see("an owner ends a VM by an own FORGET");
    }
  }

  /** The history is over: what was begun is brought to an end, so that everything can be. */
  finish(account: SimAccount): void {
    if (this.active && account.row.delegation === "missing") this.endMachines(account);
    const { core } = this.world;
    for (const hash of account.payer.hashes)
      if (core.aliveOn(hash) > 0 && isOfLostKey(this.checker, account, hash)) this.forgetElsewhere(account, hash);
  }

  /** Among the owner's own machines: ended as those are, without the service. */
  private forgetElsewhere({ payer }: SimAccount, target: string): void {
    const { core } = this.world;
    const forget = { hash: `owner-${core.messages.size}`, kind: "FORGET", target, byOwner: true, bytes: null } as const;
    for (const one of [0, 1, 2] as const) core.post(one, { ...forget, payer });
  }

  /** The account works with a key that an honest core node really lets in. */
  checkKey(account: SimAccount, before: Address): void {
    const { agentAddress } = account.row;
    if (agentAddress === before || account.restoredTimes > 0) return;
    const { core, seen } = this.world;
    seen.see("a new agent key takes over");
    const shown = ([0, 1, 2] as const).filter(
      (one) => core.honest(one) && core.letsIn(one, account.payer, agentAddress),
    );
    this.checker.must(shown.length > 0, "I20", () => "the account uses a key that is not in force");
  }
}

/**
 * Sometimes-assertions: what a run of many histories must have met. A figure that falls to nothing means that the faults
 * have stopped biting, whatever the invariants say.
 */
export const SOMETIMES = [
  "a create is admitted",
  "a create is refused by a limit",
  "an extension is admitted",
  "a top-up is asked",
  "a quote is repeated and answers the same",
  "an approval is asked",
  "an approval is used",
  "an approval returns after a failed boot",
  "an approval is denied",
  "a policy is narrowed",
  "a policy is widened with a signature",
  "a widening without a signature is refused",
  "an account is frozen by its owner",
  "an account is unfrozen",
  "a VM becomes healthy",
  "a VM ends by its TTL",
  "a VM ends by its agent",
  "an emergency stop",
  "a grant is revoked",
  "an unknown create appears later",
  "a create is rejected",
  "a dormant create comes back and freezes",
  "a VM is voided unsent",
  "a VM never boots",
  "a price above the hold ends a VM",
  "a teardown takes more than ten tries",
  "a core node lags after the end",
  "FORGETs are replenished",
  "a crash",
  "a crash with calls on their way",
  "an alarm is lost",
  "an alarm rings twice",
  "the second clock wakes an account",
  "Watch is silent",
  "a restore",
  "the clock steps back",
  "the agent key is gone",
  "the delegation vanishes",
  "a core node is down",
  "a core node lies",
  "the network removes a VM",
  "the owner forgets a VM elsewhere",
  "a refused create is revived",
  "the price changes",
  "a breaker opens",
  "a breaker freezes its grant",
  "a create fails before it runs",
] as const;
export type Sight = (typeof SOMETIMES)[number];

export class Sometimes {
  readonly seen = new Map<string, number>();

  see(sight: Sight): void {
    this.seen.set(sight, (this.seen.get(sight) ?? 0) + 1);
  }
}

/**
 * How many instances of an owner a core node is removing for lack of credits (credits.md §4.3). One small question to one
 * core node; what two of them have to say is decided elsewhere.
 */
import { readCore } from "./core-read.ts";
import type { Core, Network, Outcome } from "./network.ts";
import { known, unknown } from "./network.ts";
import { field, listOf } from "./wire.ts";

/** Enough to be told; nobody counts further. */
const COUNTED_MAX = 20;
const BYTES_MAX = 512 * 1_024;

export async function removingInstances(network: Network, core: Core, owner: string): Promise<Outcome<number>> {
  const query = `msgTypes=INSTANCE&msgStatuses=removing&owners=${encodeURIComponent(owner)}`;
  const path = `/api/v0/messages.json?${query}&pagination=${COUNTED_MAX}&page=1`;
  const answer = await readCore(network, core, path, BYTES_MAX);
  if (!answer.ok) return answer;
  const listed = listOf(field(answer.value, "messages"));
  return listed === undefined ? unknown("bad_answer") : known(listed.length);
}

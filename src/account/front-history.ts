/** History as `mcp/` and `web/` reach it: agents' calls are noted, owners read pages of their own account. */
import type { Answer } from "../errors.ts";
import type { AgentCall } from "./call-log.ts";
import type { Caller, Session } from "./contract.ts";
import { accountName, type FrontSetting } from "./doors.ts";
import type { ChainRow, LedgerRow, ReadRow } from "./history-store.ts";

export type { AgentCall } from "./call-log.ts";
export type { ChainRow, LedgerRow, ReadRow } from "./history-store.ts";

/** Pages are oldest first and end with an empty one; the cursor is the `seq` of the last row seen. */
export type HistoryFront = {
  chainPage(session: Session, afterSeq: number): Promise<Answer<readonly ChainRow[]>>;
  readPage(session: Session, afterSeq: number): Promise<Answer<readonly ReadRow[]>>;
  ledgerPage(session: Session, afterSeq: number): Promise<Answer<readonly LedgerRow[]>>;
};

export function historyFront(setting: FrontSetting): HistoryFront {
  const account = (session: Session) => setting.doors.account(accountName(setting, session.owner));
  return {
    chainPage: (session, afterSeq) => account(session).chainPage(afterSeq),
    readPage: (session, afterSeq) => account(session).readPage(afterSeq),
    ledgerPage: (session, afterSeq) => account(session).ledgerPage(afterSeq),
  };
}

export const noteCallOn =
  ({ doors }: FrontSetting) =>
  (caller: Caller, call: AgentCall): Promise<void> =>
    doors.account(caller.account).noteCall(caller, call);

/**
 * The OAuth logins (the library calls them grants) behind one of our grants: finding them by `metadata.grant_id` and
 * ending them. The account object is asked first and counts; these records in KV only follow (safety.md b.1).
 */
import type { OAuthHelpers } from "@cloudflare/workers-oauth-provider";

const PAGES_MAX = 20;

export async function loginsOf(oauth: OAuthHelpers, account: string, grantId: string): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let read = 0; read < PAGES_MAX; read += 1) {
    const list = await oauth.listUserGrants(account, cursor === undefined ? {} : { cursor });
    found.push(...list.items.filter((login) => belongsTo(login.metadata, grantId)).map((login) => login.id));
    cursor = list.cursor;
    if (cursor === undefined) break;
  }
  return found;
}

export async function endLogins(oauth: OAuthHelpers, account: string, logins: readonly string[]): Promise<void> {
  for (const id of logins) await oauth.revokeGrant(id, account);
}

function belongsTo(metadata: unknown, grantId: string): boolean {
  return typeof metadata === "object" && metadata !== null && "grant_id" in metadata && metadata.grant_id === grantId;
}

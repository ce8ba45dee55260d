/**
 * What a page does behind its owner's back, noted as it happens: errors on the console, broken content security policy,
 * and requests to anywhere but this machine.
 */
import type { DevTools, Said } from "./devtools.ts";

export type Fault = { readonly rule: string; readonly where: string; readonly what: string };

const OWN_HOSTS = new Set(["127.0.0.1", "localhost"]);
const REFUSED = /responded with a status of ([0-9]{3})/;

export class Incidents {
  private faults: Fault[] = [];
  private refused: number[] = [];

  constructor(tools: DevTools) {
    tools.on("Runtime.exceptionThrown", ({ exceptionDetails }) => this.note("console", textOf(exceptionDetails)));
    tools.on("Runtime.consoleAPICalled", ({ type, args }) => {
      if (type === "error" || type === "warning") this.note("console", JSON.stringify(args).slice(0, 200));
    });
    tools.on("Log.entryAdded", ({ entry }) => this.entry(entry as Said));
    tools.on("Audits.issueAdded", ({ issue }) => this.issue(issue as Said));
    tools.on("Network.requestWillBeSent", ({ request }) => this.request(String((request as Said)["url"])));
  }

  /** Everything since the last time, but for answers with a status that this step is meant to get. */
  take(expected: readonly number[]): readonly Fault[] {
    const odd = this.refused.filter((status) => !expected.includes(status));
    const faults = [
      ...this.faults,
      ...odd.map((status) => ({ rule: "console", where: "page", what: `something was answered with ${status}` })),
    ];
    this.faults = [];
    this.refused = [];
    return faults;
  }

  private note(rule: string, what: string, where = "page"): void {
    this.faults.push({ rule, where, what });
  }

  private entry({ source, level, text, url }: Said): void {
    const status = source === "network" ? REFUSED.exec(String(text))?.[1] : undefined;
    if (status !== undefined) this.refused.push(Number(status));
    else if (level === "error" && source !== "security") this.note("console", String(text), String(url ?? "page"));
  }

  private issue({ code, details }: Said): void {
    const csp = (details as Said)["contentSecurityPolicyIssueDetails"] as Said | undefined;
    if (code !== "ContentSecurityPolicyIssue" || csp === undefined) return;
    const blocked = csp["blockedURL"] === undefined ? "something inline" : String(csp["blockedURL"]);
    this.note("csp", `${String(csp["violatedDirective"])} stopped ${blocked}`);
  }

  private request(url: string): void {
    const { protocol, hostname } = new URL(url);
    if (/^https?:|^wss?:/.test(protocol) && !OWN_HOSTS.has(hostname)) this.note("foreign", `asked for ${url}`);
  }
}

function textOf(details: unknown): string {
  const { text, exception } = details as { text?: string; exception?: { description?: string } };
  return exception?.description ?? text ?? "an exception";
}

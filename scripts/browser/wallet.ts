/**
 * A wallet in the tab, announced as EIP-6963 wants it. The page's side only passes questions on; the key stays here,
 * and viem signs, which shares no code with what checks the signatures. It can be told to say no once.
 */
import { privateKeyToAccount } from "viem/accounts";
import { DEV_WALLET_KEY } from "../owner.ts";
import type { Said } from "./devtools.ts";
import type { Tab } from "./tab.ts";

export const WALLET_NAME = "Phone wallet";
const DENIED = 4001;

export class Wallet {
  private readonly account = privateKeyToAccount(DEV_WALLET_KEY);
  private denies = false;

  static async in(tab: Tab): Promise<Wallet> {
    const wallet = new Wallet();
    await tab.tools.send("Runtime.addBinding", { name: "__ask" });
    await tab.tools.send("Page.addScriptToEvaluateOnNewDocument", { source: PAGE_SIDE });
    tab.tools.on("Runtime.bindingCalled", (params) => void wallet.answer(tab, params));
    return wallet;
  }

  /** The next thing to sign is turned down, as an owner does who has second thoughts. */
  denyNext(): void {
    this.denies = true;
  }

  private async answer(tab: Tab, { payload, executionContextId: contextId }: Said): Promise<void> {
    const { id, method, params } = JSON.parse(String(payload)) as { id: number; method: string; params: string[] };
    const said = await this.say(method, params ?? []).catch((error: unknown) => ({
      error: { message: String(error) },
    }));
    const expression = `__answer(${id}, ${JSON.stringify(said)})`;
    // the page may have gone on without waiting
    await tab.tools.send("Runtime.evaluate", { expression, contextId }).catch(() => undefined);
  }

  private async say(method: string, params: readonly string[]): Promise<Said> {
    if (method === "eth_requestAccounts") return { result: [this.account.address] };
    if (this.denies) {
      this.denies = false;
      return { error: { code: DENIED, message: "User rejected the request." } };
    }
    if (method === "personal_sign") {
      const raw = params[0] as `0x${string}`;
      return { result: await this.account.signMessage({ message: { raw } }) };
    }
    if (method !== "eth_signTypedData_v4") return { error: { code: 4200, message: `no ${method} here` } };
    return { result: await this.account.signTypedData(JSON.parse(params[1] ?? "")) };
  }
}

const PAGE_SIDE = `(() => {
  const waiting = new Map();
  let last = 0;
  globalThis.__answer = (id, { result, error }) => {
    const { resolve, reject } = waiting.get(id);
    if (error === undefined) resolve(result);
    else reject(Object.assign(new Error(error.message), { code: error.code }));
  };
  const request = ({ method, params }) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      globalThis.__ask(JSON.stringify({ id: last, method, params }));
    });
  const info = { uuid: "5c0e5e0e-0000-4000-8000-000000000360", name: "${WALLET_NAME}", icon: "data:,", rdns: "dev.allowance.phone" };
  const detail = Object.freeze({ info, provider: { request, on() {}, removeListener() {} } });
  const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  addEventListener("eip6963:requestProvider", announce);
})();`;

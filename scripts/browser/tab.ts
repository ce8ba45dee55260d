/**
 * One tab of a phone, 360 × 740, used the way a thumb does: touches land where a control is drawn, and one that is
 * covered or hidden cannot be touched.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { DevTools, Said } from "./devtools.ts";

export const SCREEN = { width: 360, height: 740 };
const PATIENCE_MS = 10_000;
const POLL_MS = 50;

export class Tab {
  readonly tools: DevTools;

  private constructor(tools: DevTools) {
    this.tools = tools;
  }

  static async on(tools: DevTools): Promise<Tab> {
    for (const domain of ["Page", "Runtime", "Log", "Network", "Audits", "DOM"]) await tools.send(`${domain}.enable`);
    await tools.send("Emulation.setDeviceMetricsOverride", { ...SCREEN, deviceScaleFactor: 2, mobile: true });
    await tools.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    return new Tab(tools);
  }

  async open(url: string): Promise<void> {
    await this.evaluate("window.__before = true");
    const { errorText } = await this.tools.send("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`${url}: ${String(errorText)}`);
    await this.until("window.__before === undefined", `${url} to open`);
  }

  /** Scripts of pages that are opened from now on. */
  async allowScripts(allowed: boolean): Promise<void> {
    await this.tools.send("Emulation.setScriptExecutionDisabled", { value: !allowed });
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.tools.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined)
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails).slice(0, 300)}`);
    return (result as Said)["value"];
  }

  /** Waits until the page has loaded and the expression holds in it; says what the page showed when it never does. */
  async until(expression: string, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const holds = await this.evaluate(`document.readyState === "complete" && (${expression})`).catch(() => false);
      if (holds === true) return;
      await sleep(POLL_MS);
    }
    throw new Error(`waited in vain for ${what}; the page said: ${(await this.words()).slice(0, 1_500)}`);
  }

  untilSays(words: string): Promise<void> {
    return this.until(`document.body.innerText.includes(${JSON.stringify(words)})`, `the words "${words}"`);
  }

  untilAt(path: string): Promise<void> {
    return this.until(`location.pathname === ${JSON.stringify(path)}`, `the page ${path}`);
  }

  async words(): Promise<string> {
    return String(await this.evaluate("`${location.href}\n${document.body.innerText}`").catch(() => "nothing"));
  }

  /** Touches the first control that is shown, matches and contains the words. */
  async tap(selector: string, words = ""): Promise<void> {
    const found = (await this.evaluate(`(${spotOf})(${JSON.stringify(selector)}, ${JSON.stringify(words)})`)) as Said;
    if (found["wrong"] !== undefined) throw new Error(`${selector} "${words}": ${String(found["wrong"])}`);
    const touchPoints = [{ x: found["x"], y: found["y"] }];
    await this.tools.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints });
    await this.tools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  }

  /** A touch that leads to another page, or to the same one drawn anew. */
  async follow(selector: string, words = ""): Promise<void> {
    await this.evaluate("window.__before = true");
    await this.tap(selector, words);
    await this.until("window.__before === undefined", `a page after "${words}"`);
  }

  async fill(name: string, text: string): Promise<void> {
    const field = `document.querySelector(${JSON.stringify(`[name="${name}"]`)})`;
    await this.evaluate(`${field}.focus(); ${field}.select()`);
    await this.tools.send("Input.insertText", { text });
    const held = await this.valueOf(name);
    if (held !== text) throw new Error(`the field ${name} holds ${held} after typing ${text}`);
  }

  async valueOf(name: string): Promise<string> {
    return String(await this.evaluate(`document.querySelector(${JSON.stringify(`[name="${name}"]`)}).value`));
  }

  async photograph(path: string): Promise<void> {
    const { cssContentSize } = await this.tools.send("Page.getLayoutMetrics");
    const { height } = cssContentSize as { height: number };
    const { data } = await this.tools.send("Page.captureScreenshot", {
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width: SCREEN.width, height: Math.min(height, 6_000), scale: 0.5 },
    });
    await writeFile(path, Buffer.from(String(data), "base64"));
  }
}

/** Runs inside the page. */
const spotOf = `(selector, words) => {
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const all = [...document.querySelectorAll(selector)].filter(shown);
  const found = all.find((one) => (one.innerText ?? "").includes(words));
  if (found === undefined) return { wrong: "there is none to touch" };
  if (found.disabled) return { wrong: "it is disabled" };
  found.scrollIntoView({ block: "center", behavior: "instant" });
  const { x, y, width, height } = found.getClientRects()[0];
  const spot = { x: x + width / 2, y: y + height / 2 };
  const hit = document.elementFromPoint(spot.x, spot.y);
  return hit !== null && (found.contains(hit) || hit.contains(found)) ? spot : { wrong: "something lies over it" };
}`;

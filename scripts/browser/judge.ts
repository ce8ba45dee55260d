/** Judges the page that a tab shows, light and dark: what look.js measures, and whether every control has a name. */
import { readFileSync } from "node:fs";
import type { DevTools, Said } from "./devtools.ts";
import type { Fault } from "./incidents.ts";

const LOOK = readFileSync(new URL("look.js", import.meta.url), "utf8").replaceAll(/^export /gm, "");
const CONTROLS = new Set(
  "button checkbox combobox link listbox radio searchbox slider spinbutton switch textbox Date".split(" "),
);

export async function judgePage(tools: DevTools): Promise<readonly Fault[]> {
  const faults: Fault[] = [...(await nameFaults(tools))];
  for (const scheme of ["dark", "light"]) {
    await tools.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    const found = await looked(tools);
    faults.push(...found.filter((one) => !faults.some((other) => isSame(one, other))));
  }
  return faults;
}

async function looked(tools: DevTools): Promise<readonly Fault[]> {
  const { result, exceptionDetails } = await tools.send("Runtime.evaluate", {
    expression: `(() => { ${LOOK}\nreturn look(); })()`,
    returnByValue: true,
  });
  if (exceptionDetails !== undefined)
    throw new Error(`look.js failed: ${JSON.stringify(exceptionDetails).slice(0, 500)}`);
  return (result as { value: readonly Fault[] }).value;
}

const isSame = (one: Fault, other: Fault): boolean =>
  one.rule === other.rule && one.where === other.where && one.what === other.what;

/** As the browser itself tells them to a screen reader. */
async function nameFaults(tools: DevTools): Promise<readonly Fault[]> {
  const { nodes } = (await tools.send("Accessibility.getFullAXTree")) as { nodes: readonly Said[] };
  const value = (node: Said, key: string): string => String((node[key] as Said | undefined)?.["value"] ?? "");
  return nodes
    .filter(
      (node) => node["ignored"] !== true && CONTROLS.has(value(node, "role")) && value(node, "name").trim() === "",
    )
    .map((node) => ({ rule: "name", where: value(node, "role"), what: "a control without a name" }));
}

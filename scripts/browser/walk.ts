/** The owner's walk through the pages: each stop is judged, told in one line, counted, and photographed if that is asked. */
import type { DevTools } from "./devtools.ts";
import { type Fault, Incidents } from "./incidents.ts";
import { judgePage } from "./judge.ts";
import { Tab } from "./tab.ts";

/** What to do about each kind of fault. */
const REMEDY: Readonly<Record<string, string>> = {
  scroll: "let it break or scroll by itself",
  text: "make it larger",
  target: "give it more room in style.css",
  name: "give it a label",
  contrast: "choose stronger colours",
  edge: "choose a stronger --edge",
  h1: "have one h1",
  headings: "use the next level down",
  title: "give page() a title",
  lang: "set lang on <html>",
  console: "look at what failed",
  csp: "move it into a file under src/web/public",
  foreign: "keep everything on our own origin",
};

/** The same fault on many elements is one line. */
function told(faults: readonly Fault[]): readonly string[] {
  const alike = Map.groupBy(faults, ({ rule, what }) => `${rule}: ${what}; ${REMEDY[rule]}`);
  return [...alike].map(([line, all]) => {
    const more = all.length > 3 ? ` and ${all.length - 3} more` : "";
    const places = all.slice(0, 3).map(({ where }) => where);
    return `${line} (${places.join(", ")}${more})`;
  });
}

export class Walk {
  readonly tab: Tab;
  private readonly incidents: Incidents;
  private readonly photos: string | undefined;
  private expected: readonly number[] = [];
  private readonly startedMs = Date.now();
  pages = 0;
  faults = 0;

  private constructor(tab: Tab, incidents: Incidents, photos: string | undefined) {
    this.tab = tab;
    this.incidents = incidents;
    this.photos = photos;
  }

  static async on(tools: DevTools, photos: string | undefined): Promise<Walk> {
    const incidents = new Incidents(tools);
    return new Walk(await Tab.on(tools), incidents, photos);
  }

  /** Until the next stop, answers with this status are what the story wants. */
  expect(...statuses: readonly number[]): void {
    this.expected = statuses;
  }

  /** Stops here. `says` has to stand on the page. */
  async stop(name: string, says?: string): Promise<void> {
    if (says !== undefined) await this.tab.untilSays(says);
    const faults = await this.look();
    this.pages++;
    this.faults += faults.length;
    const elapsed = ((Date.now() - this.startedMs) / 1_000).toFixed(1).padStart(5);
    console.log(`${elapsed} s  ${faults.length === 0 ? "ok   " : "FAULT"}  ${name}`);
    for (const line of told(faults)) console.log(`                ${line}`);
    const file = `${String(this.pages).padStart(2, "0")}-${name.replaceAll(/[^a-z0-9]+/gi, "-")}.png`;
    if (this.photos !== undefined) await this.tab.photograph(`${this.photos}/${file}`);
  }

  async look(): Promise<readonly Fault[]> {
    const faults = [...(await judgePage(this.tab.tools)), ...this.incidents.take(this.expected)];
    this.expected = [];
    return faults;
  }
}

/**
 * A page with a fault of each kind, shown to the judge before any page of ours: a rule that does not find its own fault
 * looks at nothing. The sound page shows that none of them cries without a cause.
 */
import type { Walk } from "./walk.ts";

type Planted = { readonly rules: readonly string[]; readonly body: string; readonly head?: string };

const HEAD = `<html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1"><title>T</title>`;
const PLANTED: readonly Planted[] = [
  { rules: [], body: `<h1>Sound</h1><p><label>Name <input style="height:44px;border:1px solid #777"></label></p>` },
  { rules: ["scroll"], body: `<h1>A</h1><div style="width:400px">too wide</div>` },
  { rules: ["text"], body: `<h1>A</h1><p style="font-size:11px">too small</p>` },
  { rules: ["target"], body: `<h1>A</h1><a href="/" style="font-size:12px;line-height:1">low</a>` },
  { rules: ["target"], body: `<h1>A</h1><button style="height:30px;width:90px">low</button>` },
  { rules: ["name"], body: `<h1>A</h1><input style="height:44px;border:1px solid #777">` },
  { rules: ["name"], body: `<h1>A</h1><button style="height:44px;width:44px"></button>` },
  { rules: ["contrast"], body: `<h1>A</h1><p style="color:#888;background:#fff">too faint</p>` },
  {
    rules: ["contrast"],
    body: `<h1>A</h1><details><summary style="height:44px">A</summary><p style="opacity:.4">B</p>`,
  },
  { rules: ["edge"], body: `<h1>A</h1><label>N <input style="height:44px;border:1px solid #ddd"></label>` },
  { rules: ["h1"], body: `<h1>A</h1><h1>B</h1>` },
  { rules: ["headings"], body: `<h1>A</h1><h3>B</h3>` },
  { rules: ["lang", "title"], head: `<html><meta name="viewport" content="width=device-width">`, body: `<h1>A</h1>` },
  { rules: ["console"], body: `<h1>A</h1><script>console.error("x")</script>` },
  { rules: ["console"], body: `<h1>A</h1><script>throw new Error("x")</script>` },
  { rules: ["console"], body: `<h1>A</h1><img src="/none.png" alt="">` },
  { rules: ["foreign"], body: `<h1>A</h1><script>fetch("https://example.com/").catch(() => 0)</script>` },
  {
    rules: ["csp"],
    head: `${HEAD}<meta http-equiv="content-security-policy" content="style-src 'none'">`,
    body: `<h1>A</h1><p style="color:red">A</p>`,
  },
];

/** `serve` gives the address under which a text is served as a page. Throws on the first rule that is blind. */
export async function provePlanted(walk: Walk, serve: (html: string) => string): Promise<number> {
  for (const { rules, head, body } of PLANTED) {
    await walk.tab.open(serve(`<!doctype html>${head ?? HEAD}<body>${body}`));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const found = new Set((await walk.look()).map(({ rule }) => rule));
    const missed = rules.filter((rule) => !found.has(rule));
    const needless = rules.length === 0 ? [...found] : [];
    if (missed.length > 0 || needless.length > 0)
      throw new Error(`the judge is wrong about ${body}: missed ${missed.join()}, found ${[...found].join()}`);
  }
  return PLANTED.length;
}

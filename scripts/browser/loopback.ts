/** A server on this machine that stands in for the agent's own: it waits for the code, and serves the planted pages. */
import { createServer } from "node:http";
import { freePort, LOOPBACK } from "../ports.ts";

export type Loopback = {
  readonly redirect: string;
  /** The address of a page with this text. */
  readonly serve: (html: string) => string;
  readonly code: Promise<string>;
  readonly close: () => void;
};

export async function openLoopback(): Promise<Loopback> {
  const port = await freePort();
  const origin = `http://${LOOPBACK}:${port}`;
  const pages: string[] = [];
  let arrived: (code: string) => void = () => undefined;
  const code = new Promise<string>((resolve) => (arrived = resolve));
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", origin);
    if (pathname === "/callback") arrived(searchParams.get("code") ?? "");
    const html = pathname === "/callback" ? "Back at the agent." : pages[Number(pathname.slice(1))];
    // no page of ours asks for an icon, and browsers do by themselves
    const status = html !== undefined || pathname === "/favicon.ico" ? 200 : 404;
    response.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end(html ?? "");
  });
  await new Promise<void>((resolve) => server.listen(port, LOOPBACK, resolve));
  const serve = (html: string): string => `${origin}/${pages.push(html) - 1}`;
  const close = (): void => void server.close();
  return { redirect: `${origin}/callback`, serve, code, close };
}

/** Keeps the dashboard's figures fresh, and draws it anew when more than a figure has changed. */
import { dollars } from "./policy.js";

const EVERY_MS = 10_000;
const root = document.querySelector("[data-dashboard]");

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch("/api/overview", { headers: { accept: "application/json" } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) return;
  const overview = await answer.json();
  for (const figure of root.querySelectorAll("[data-live]"))
    figure.textContent = dollars(overview[figure.dataset.live]);
  // an open fold may hold a decision that the owner is about to take
  if (overview.revision !== root.dataset.revision && root.querySelector("details[open]") === null) location.reload();
}

setInterval(() => void refresh().catch(() => undefined), EVERY_MS);

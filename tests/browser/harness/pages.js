// Every page of the Manager: how a visitor comes there, in a world. Nothing here may change what another page shows.
const click = (page, role, name) => page.getByRole(role, { name, exact: true }).first().click();

// From the developer section to a part of the endpoint.
async function endpoint(page, tab) {
  await page.goto("/manager/developer");
  await click(page, "link", "Harbour cameras");
  await click(page, "link", "Archive");
  if (tab) await page.getByRole("navigation", { name: "Endpoint" }).getByRole("link", { name: tab }).click();
}
async function job(page, name) {
  await page.goto("/manager/jobs");
  await click(page, "link", name);
}

export const PAGES = [
  { name: "sign-in", as: "nobody", heading: "Sign in", open: (page) => page.goto("/manager/sign-in") },
  {
    name: "choose-password",
    as: "nobody",
    heading: "Choose a password",
    open: async (page, { place }) => {
      const { setupLink } = await place.server.run(["user", "set-password", "bob@example.com"]);
      // The command knows the server's address from its settings, where a free port is none.
      await page.goto(new URL(setupLink).pathname);
    },
  },
  { name: "overview", heading: "Overview", open: (page) => page.goto("/manager") },
  { name: "jobs", heading: "Jobs", open: (page) => page.goto("/manager/jobs") },
  { name: "jobs-none", heading: "Jobs", open: (page) => page.goto("/manager/jobs?q=nothing-is-called-so") },
  { name: "job", heading: "quay.jpg", open: (page) => job(page, "quay.jpg") },
  { name: "job-failed", heading: "torn.jpg", open: (page) => job(page, "torn.jpg") },
  {
    name: "review",
    heading: "Edit boxes",
    open: async (page) => {
      await job(page, "quay.jpg");
      await click(page, "link", "Edit boxes");
    },
  },
  { name: "upload", heading: "Upload", open: (page) => page.goto("/manager/upload") },
  { name: "developer", heading: "Developer", open: (page) => page.goto("/manager/developer") },
  {
    name: "client",
    heading: "Harbour cameras",
    open: async (page) => {
      await page.goto("/manager/developer");
      await click(page, "link", "Harbour cameras");
    },
  },
  {
    name: "endpoint-new",
    heading: "Add a webhook endpoint",
    open: async (page) => {
      await page.goto("/manager/developer");
      await click(page, "link", "Harbour cameras");
      await click(page, "link", "Add an endpoint");
    },
  },
  { name: "endpoint", heading: "Archive", open: (page) => endpoint(page) },
  {
    name: "delivery",
    heading: "Archive",
    open: async (page) => {
      await endpoint(page);
      await page.getByRole("link", { name: /^Open the delivery/ }).first().click();
    },
  },
  {
    name: "endpoint-test",
    heading: "Archive",
    open: async (page) => {
      await endpoint(page, "Test");
      await click(page, "button", "Send it now");
      await page.getByText("The contract was kept.").waitFor();
    },
  },
  { name: "replays", heading: "Archive", open: (page) => endpoint(page, "Replays") },
  { name: "endpoint-settings", heading: "Archive", open: (page) => endpoint(page, "Settings") },
  { name: "settings", heading: "Settings", open: (page) => page.goto("/manager/settings") },
  {
    name: "client-settings",
    heading: "Harbour cameras",
    open: async (page) => {
      await page.goto("/manager/settings");
      await page.getByRole("link", { name: /^Change what is agreed/ }).click();
    },
  },
  { name: "audit", heading: "Audit log", open: (page) => page.goto("/manager/audit?action=user.created") },
  {
    name: "users",
    heading: "Users",
    open: async (page, { place, member }, visit) => {
      // The list says when each has signed in.
      await visit(member, { at: place });
      await page.goto("/manager/users");
    },
  },
  { name: "account", heading: "Your account", open: (page) => page.goto("/manager/account") },
  { name: "not-found", heading: "Nothing here", open: (page) => page.goto("/manager/nowhere") },
  { name: "overview-member", as: "member", heading: "Overview", open: (page) => page.goto("/manager") },
  { name: "settings-member", as: "member", heading: "Settings", open: (page) => page.goto("/manager/settings") },
];

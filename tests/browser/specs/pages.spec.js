import { FOR_EVERYBODY, inspect } from "../harness/inspect.js";
import { PAGES } from "../harness/pages.js";
import { test as base } from "../harness/test.js";
import { makeWorld } from "../harness/world.js";

const test = base.extend({
  world: [
    async ({}, use) => {
      const world = await makeWorld();
      await use(world);
      await world.place.close();
    },
    { scope: "worker" },
  ],
});

// Each page stands by itself, so that both workers share them.
test.describe.configure({ mode: "parallel" });

for (const shown of PAGES) {
  test(`${shown.name}: ${FOR_EVERYBODY}`, ({ visit, world }) => inspect(shown, world, visit));
}

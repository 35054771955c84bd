// Mistakes that Grafana would keep silent about, each of which has to be an error of the types: the compiler complains about an expectation
// that is not met.

import type { AnyPanel, Dashboard } from "./dashboard.ts";

const datasource = { type: "prometheus", uid: "${datasource}" };
const frame = { id: 1, title: "a", gridPos: { x: 0, y: 0, w: 8, h: 8 }, datasource, targets: [] };
const plain = { defaults: { unit: "s" }, overrides: [] };

// What is right is no error.
export const right: AnyPanel = {
  ...frame,
  type: "timeseries",
  options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
  fieldConfig: { defaults: { unit: "s", custom: { drawStyle: "line" } }, overrides: [] },
};

export const misspeltOption: AnyPanel = {
  ...frame,
  type: "timeseries",
  // @ts-expect-error
  options: { legend: { displaymode: "list" } },
  fieldConfig: plain,
};

export const unknownValue: AnyPanel = {
  ...frame,
  type: "timeseries",
  // @ts-expect-error
  options: { tooltip: { mode: "all" } },
  fieldConfig: plain,
};

export const optionOfAnotherPanel: AnyPanel = {
  ...frame,
  type: "stat",
  // @ts-expect-error
  options: { legend: { displayMode: "list" } },
  fieldConfig: plain,
};

export const misspeltField: AnyPanel = {
  ...frame,
  type: "stat",
  options: {},
  // @ts-expect-error
  fieldConfig: { defaults: { units: "s" }, overrides: [] },
};

export const unknownStyle: AnyPanel = {
  ...frame,
  type: "timeseries",
  options: {},
  // @ts-expect-error
  fieldConfig: { defaults: { custom: { drawStyle: "lines" } }, overrides: [] },
};

export const unknownMapping: AnyPanel = {
  ...frame,
  type: "stat",
  options: {},
  // @ts-expect-error
  fieldConfig: { defaults: { mappings: [{ type: "values", options: { "0": { text: "down" } } }] }, overrides: [] },
};

export const misspeltQuery: AnyPanel = {
  ...frame,
  type: "stat",
  // @ts-expect-error
  targets: [{ refId: "A", datasource, expr: "up", legend: "up" }],
  options: {},
  fieldConfig: plain,
};

export const unknownPanel: AnyPanel = {
  ...frame,
  // @ts-expect-error
  type: "graph",
  options: {},
  fieldConfig: plain,
};

export const misspeltDashboard: Dashboard = {
  schemaVersion: 39,
  templating: { list: [] },
  panels: [],
  // @ts-expect-error
  timeZone: "browser",
};

export const unknownRefresh: Dashboard = {
  schemaVersion: 39,
  templating: {
    list: [
      // @ts-expect-error
      { name: "job", type: "query", refresh: 7 },
    ],
  },
  panels: [],
};

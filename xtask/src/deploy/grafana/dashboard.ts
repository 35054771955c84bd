// What a dashboard of Prometheus' metrics may consist of, made of Grafana's own types. `dashboard.rs` compares deploy/grafana/sfumato.json with `Dashboard`,
// as a literal, so that properties which Grafana does not know are errors, too.

import type * as grafana from "@grafana/schema";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type * as raw from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";

/** A type as it is written in JSON: members of enums are their values. */
type Written<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer Item)[]
      ? Written<Item>[]
      : T extends object
        ? { [Key in keyof T]: Written<T[Key]> }
        : T;

/** The same where Grafana fills in what is left out, as it does in options. */
type Part<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer Item)[]
      ? Part<Item>[]
      : T extends object
        ? { [Key in keyof T]?: Part<T[Key]> }
        : T;

/** A query in Prometheus' language. Grafana keeps this type in the package of the data source, which brings all of its editor. */
interface Query extends Omit<grafana.DataQuery, "datasource" | "key"> {
  datasource: raw.DataSourceRef;
  expr: string;
  legendFormat?: string;
  interval?: string;
  instant?: boolean;
  range?: boolean;
  format?: "time_series" | "table" | "heatmap";
}

/** Settings of fields, of which Grafana's own type leaves open what a kind of panel adds. */
interface FieldConfig<Custom> {
  defaults: Written<Omit<raw.FieldConfig, "custom">> & { custom?: Part<Custom> };
  overrides: Written<raw.FieldConfigSource["overrides"]>;
}

/** A panel of one kind, with what is needed to show anything. */
type Panel<Type extends string, Options, Custom> = Written<
  Omit<raw.Panel, "type" | "options" | "fieldConfig" | "targets" | "id" | "gridPos" | "title" | "datasource">
> & {
  type: Type;
  id: number;
  title: string;
  gridPos: raw.GridPos;
  datasource: raw.DataSourceRef;
  targets: Query[];
  options: Part<Options>;
  fieldConfig: FieldConfig<Custom>;
};

export type AnyPanel =
  | Panel<"stat", stat.Options, never>
  | Panel<"timeseries", timeseries.Options, timeseries.FieldConfig>;

type Row = Omit<Written<raw.RowPanel>, "panels"> & { panels: AnyPanel[] };

/** A variable; nothing is chosen before somebody has. */
type Variable = Written<Omit<raw.VariableModel, "current">> & { current?: Part<raw.VariableOption> };

export type Dashboard = Written<Omit<raw.Dashboard, "panels" | "templating">> & {
  panels: (AnyPanel | Row)[];
  templating: { list: Variable[] };
};

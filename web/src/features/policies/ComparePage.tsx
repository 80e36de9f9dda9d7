import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { diffQuery, groupsQuery } from "../../api/layers";
import { policiesQuery } from "../../api/queries";
import { Changes } from "../../app/Changes";
import { Empty } from "../../ui/Empty";
import { Failure } from "../../ui/Failure";
import { Field } from "../../ui/Field";
import { Page } from "../../ui/Page";
import { changed } from "../../ui/search";
import { PolicyTabs } from "./PolicyTabs";
import "./policies.css";

const route = getRouteApi("/compare");
type Choice = { label: string; name: "group" | "from" | "to"; value: string; options: string[] };

function Choice({ label, name, value, options }: Choice) {
  const navigate = useNavigate();
  return (
    <Field label={label}>
      {(attributes) => (
        <select
          {...attributes}
          value={value}
          onChange={(event) => {
            const fresh = name === "group" ? { from: undefined, to: undefined } : {};
            void navigate({
              to: ".",
              search: (old) => changed(old, { ...fresh, [name]: event.target.value }),
            });
          }}
        >
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Any two signed versions of a group, by rules and not by lines. */
export function ComparePage() {
  const { group = "default", from, to } = route.useSearch();
  const groups = useQuery(groupsQuery);
  const versions = useQuery(policiesQuery({ group, limit: 1000 }));
  const serials = versions.data?.policies.map(({ serial }) => String(serial)) ?? [];
  const right = to ?? serials[0];
  const left = from ?? serials[1];
  const diff = useQuery({
    ...diffQuery({ group, from: left, to: right }),
    enabled: left !== undefined && right !== undefined,
  });
  const error = versions.error ?? diff.error;
  return (
    <Page title="Policies" lead="Two signed versions of a group, by what they mean.">
      <PolicyTabs />
      <section className="panel stack" aria-label="Comparison">
        <div className="choices">
          <Choice
            label="Group"
            name="group"
            value={group}
            options={groups.data?.groups.map(({ name }) => name) ?? [group]}
          />
          <Choice label="From serial" name="from" value={left ?? ""} options={serials} />
          <Choice label="To serial" name="to" value={right ?? ""} options={serials} />
        </div>
        {error !== null && <Failure error={error} onRetry={() => void diff.refetch()} />}
        {error === null && versions.data !== undefined && left === undefined && (
          <Empty title="There are no two versions to compare">
            The group has {serials.length === 0 ? "no policy yet" : "one version"}.
          </Empty>
        )}
        {diff.data !== undefined && (
          <Changes changes={diff.data.changes} label={`From serial ${diff.data.from} to ${diff.data.to}`} />
        )}
      </section>
    </Page>
  );
}

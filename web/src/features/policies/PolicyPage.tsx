import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useState } from "react";
import { policyQuery } from "../../api/queries";
import { sessionQuery } from "../../api/session";
import { reachesAll } from "../../app/roles";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { Facts } from "../../ui/Facts";
import { Failure } from "../../ui/Failure";
import { Page } from "../../ui/Page";
import { Panel } from "../../ui/Panel";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { Diff } from "./Diff";
import "./policies.css";

const CodeEditor = lazy(() => import("./CodeEditor").then((module) => ({ default: module.CodeEditor })));
const route = getRouteApi("/policies/$group/$serial");

/** One version of a group's policy, as it was signed; beside the newest when that is another. */
export function PolicyPage() {
  const { group, serial } = route.useParams();
  const query = useQuery(policyQuery(group, serial));
  const newest = useQuery(policyQuery(group, "newest"));
  // Documents concern every group; who has no role for all of them edits his group's policy by itself.
  const all = reachesAll(useQuery(sessionQuery).data?.person.roles ?? []);
  const [compare, setCompare] = useState(false);
  const policy = query.data;
  if (policy === undefined)
    return (
      <Page title="Policy">
        {query.error === null ? (
          <p className="muted">Loading …</p>
        ) : (
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        )}
      </Page>
    );
  const current = newest.data?.serial === policy.serial;
  return (
    <Page
      title={`${policy.policy_id} ${policy.serial}`}
      heading={
        <>
          {policy.policy_id}
          {newest.data !== undefined &&
            (current ? (
              <Badge tone="good">in force</Badge>
            ) : (
              <Badge>serial {newest.data.serial} is in force</Badge>
            ))}
        </>
      }
      lead={`Serial ${policy.serial} of the group “${group}”. Versions never change; a change is a new one.`}
      actions={
        all ? (
          <Link to="/draft" search={{ group, serial: String(policy.serial) }} className="button primary">
            {current ? "Edit its documents" : "Go back to this version"}
          </Link>
        ) : (
          <Link
            to="/policies/edit"
            search={{ group, from: String(policy.serial) }}
            className="button primary"
          >
            {current ? "Edit" : "Go back to this version"}
          </Link>
        )
      }
    >
      <div className="stack">
        <Panel title="Version">
          <Facts
            facts={[
              ["Applied", <Time key="at" at={policy.created_at} full />],
              ["By", visible(policy.created_by)],
              ["File", policy.name === "" ? "—" : visible(policy.name)],
              ["Digest", <code key="digest">{policy.digest}</code>],
              [
                "Says",
                <Link key="says" to="/effective" search={{ group, serial: String(policy.serial) }}>
                  every rule, with its origin
                </Link>,
              ],
            ]}
          />
        </Panel>
        {newest.data !== undefined && !current && (
          <Panel
            title="Against what is in force"
            aside={
              <Button
                tone="quiet"
                aria-expanded={compare}
                onClick={() => {
                  setCompare(!compare);
                }}
              >
                {compare ? "Hide" : "Compare"}
              </Button>
            }
          >
            {compare && (
              <Diff
                before={policy.document}
                after={newest.data.document}
                label={`From serial ${policy.serial} to ${newest.data.serial}`}
              />
            )}
          </Panel>
        )}
        <div className="panel flush editor-panel">
          <Suspense fallback={<p className="muted loading">Loading the document …</p>}>
            <CodeEditor document={policy.document} label="Policy document, to read" readOnly />
          </Suspense>
        </div>
      </div>
    </Page>
  );
}

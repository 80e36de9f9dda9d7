import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ApiError } from "../../api/client";
import { policyQuery } from "../../api/queries";
import { Failure } from "../../ui/Failure";
import { Page } from "../../ui/Page";
import { Editing } from "./Editing";
import { blank } from "./policy";
import "./policies.css";

const route = getRouteApi("/policies/edit");

/** Loads what the draft starts from: an old version, the newest one, or a blank for a group's first. */
export function EditPage() {
  const { group = "default", from = "newest" } = route.useSearch();
  const start = useQuery(policyQuery(group, from));
  const newest = useQuery(policyQuery(group, "newest"));
  const isFirst = newest.error instanceof ApiError && newest.error.status === 404;
  const document = isFirst ? blank : start.data?.document;
  if (document === undefined || (newest.data === undefined && !isFirst)) {
    const error = start.error ?? newest.error;
    return (
      <Page title="Edit a policy">
        {error === null ? (
          <p className="muted">Loading …</p>
        ) : (
          <Failure error={error} onRetry={() => void start.refetch()} />
        )}
      </Page>
    );
  }
  return (
    <Editing
      key={`${group}/${from}`}
      group={group}
      start={document}
      newest={newest.data?.document ?? null}
      serial={newest.data?.serial ?? 0}
    />
  );
}

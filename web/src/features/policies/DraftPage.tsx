import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { layerQuery, layersQuery, type Layer } from "../../api/layers";
import { policyQuery } from "../../api/queries";
import { Failure } from "../../ui/Failure";
import { Page } from "../../ui/Page";
import { Drafting } from "./Drafting";
import { template } from "./layer";
import "./policies.css";

const route = getRouteApi("/draft");
const asKind = (word: string | undefined): Layer["kind"] =>
  word === "delta" || word === "exception" ? word : "base";

/** Loads what a draft starts from: a document (or an old revision of it), a signed version, or a template. */
export function DraftPage() {
  const { id, revision, kind, group, serial } = route.useSearch();
  const layers = useQuery(layersQuery);
  const history = useQuery({ ...layerQuery(id ?? ""), enabled: id !== undefined });
  const version = useQuery({ ...policyQuery(group ?? "", serial ?? ""), enabled: serial !== undefined });
  const error = layers.error ?? history.error ?? version.error;
  const waiting = layers.isPending || (id !== undefined && history.isPending);
  if (error !== null || waiting || (serial !== undefined && version.isPending))
    return (
      <Page title="Edit a policy">
        {error === null ? (
          <p className="muted">Loading …</p>
        ) : (
          <Failure error={error} onRetry={() => void layers.refetch()} />
        )}
      </Page>
    );
  const base = layers.data?.layers.find((layer) => layer.kind === "base")?.id ?? "office";
  const revisions = history.data?.layers ?? [];
  const old = revision === undefined ? undefined : Number(revision);
  const from = revisions.find((one) => (old === undefined ? one.document !== null : one.revision === old));
  const start = version.data?.document ?? from?.document ?? template(asKind(kind), base, new Date());
  return (
    <Drafting
      key={JSON.stringify([id, revision, kind, group, serial])}
      name={id ?? (serial === undefined ? null : `${version.data?.policy_id ?? ""} serial ${serial}`)}
      start={start}
      known={layers.data?.layers ?? []}
      isOld={serial !== undefined || (old !== undefined && old !== revisions[0]?.revision)}
    />
  );
}

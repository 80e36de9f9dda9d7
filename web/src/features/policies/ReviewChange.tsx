import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "../../api/client";
import { changeLayers, layersQuery, tryQuery, type Layer } from "../../api/layers";
import { GroupChanges } from "../../app/Changes";
import { applyLabel, effectSentence } from "../../app/change";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Notice } from "../../ui/Notice";
import { visible } from "../../ui/visible";
import { Diff } from "./Diff";
import { changedMeanwhile, idsIn, placed } from "./layer";
import { findingText } from "./policy";

type Props = {
  document: string;
  opened: Layer[]; // the documents as they were when the draft was begun
  onClose: () => void;
  onApplied: (id: string | undefined) => void;
};

/** What applying a draft will do, and for whom, as the server says it now; and what others changed meanwhile. */
export function ReviewChange({ document, opened, onClose, onApplied }: Props) {
  const queryClient = useQueryClient();
  const ids = idsIn(document);
  const outlook = useQuery({ ...tryQuery({ document }), refetchOnMount: "always" });
  const now = useQuery({ ...layersQuery, refetchOnMount: "always" });
  const apply = useMutation({
    mutationFn: changeLayers,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["layers"] });
      await queryClient.invalidateQueries({ queryKey: ["policies"] });
      await queryClient.invalidateQueries({ queryKey: ["policy"] });
      onApplied(ids.length === 1 ? ids[0] : undefined);
    },
  });
  const { effect = null, findings = [] } = outlook.data ?? {};
  const fresh = !outlook.isFetching && effect !== null;
  const error = apply.error ?? outlook.error;
  const refused = apply.error instanceof ApiError ? apply.error.findings : findings;
  return (
    <Dialog title="Apply this to the fleet?" onClose={onClose} wide>
      <div className="stack">
        {outlook.isFetching && <p className="muted">Working out what would change …</p>}
        {changedMeanwhile(opened, now.data?.layers ?? opened).map(({ before, after }) => (
          <Notice
            key={after.id}
            tone="warn"
            title={`${visible(after.created_by)} changed “${after.id}” after you opened it`}
          >
            <p>Revision {after.revision} is in force now; applying your text undoes these lines:</p>
            <Diff
              before={before.document ?? ""}
              after={after.document ?? ""}
              label={`Changes of revision ${after.revision}`}
            />
          </Notice>
        ))}
        {refused.length > 0 && (
          <Notice tone="bad" title="It would be refused">
            <ul className="findings">
              {refused.map((finding, n) => (
                <li key={n}>{findingText(placed(finding, ids))}</li>
              ))}
            </ul>
          </Notice>
        )}
        {fresh && (
          <div className="stack">
            <p>
              {effectSentence(effect)}
              {effect.groups.length > 0 &&
                " Connected devices have it at once, and micro-VMs that run now are held to it from their next access on."}
            </p>
            <GroupChanges groups={effect.groups} />
          </div>
        )}
        {error !== null && refused.length === 0 && (
          <Notice tone="bad" title="Not applied">
            {error.message}
          </Notice>
        )}
      </div>
      <div className="actions">
        <Button onClick={onClose}>Go on editing</Button>
        {fresh && (
          <Button
            tone="primary"
            busy={apply.isPending}
            onClick={() => {
              apply.mutate({ document });
            }}
          >
            {applyLabel(effect)}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

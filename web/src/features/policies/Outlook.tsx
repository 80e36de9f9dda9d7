import type { Finding } from "../../api/client";
import { GroupChanges } from "../../app/Changes";
import { effectSentence } from "../../app/change";
import { Failure } from "../../ui/Failure";
import { Findings } from "./Findings";
import type { Check } from "./useCheck";

type Props = { check: Check; onGo: (finding: Finding) => void };

function verdict({ waiting, findings, effect, refusal }: Check): string {
  if (waiting) return "Checking …";
  if (refusal !== null) return "It could not be checked.";
  if (findings.length > 0) return "It would be refused.";
  return effect === null ? "" : "It would be accepted; all its tests pass.";
}

/** What the server says to a draft: what is wrong, what is worth knowing, and what it would do to whom. */
export function Outlook({ check, onGo }: Props) {
  const { findings, notes, effect, refusal } = check;
  const count = (n: number, word: string) => (n === 1 ? `One ${word}` : `${n} ${word}s`);
  return (
    <section className="outlook" aria-labelledby="outlook">
      <header>
        <h2 id="outlook">What it would do</h2>
        <span role="status" className="muted small">
          {verdict(check)}
        </span>
      </header>
      {refusal !== null && <Failure error={refusal} />}
      {findings.length > 0 && (
        <Findings
          quiet
          tone="bad"
          title={count(findings.length, "finding")}
          findings={findings}
          onGo={onGo}
        />
      )}
      {notes.length > 0 && (
        <Findings quiet tone="warn" title={count(notes.length, "note")} findings={notes} onGo={onGo} />
      )}
      {effect !== null && (
        <>
          <p>{effectSentence(effect)}</p>
          <GroupChanges groups={effect.groups} />
        </>
      )}
    </section>
  );
}

import type { Finding } from "../../api/client";
import { Notice } from "../../ui/Notice";
import { findingText } from "./policy";

type Props = { title: string; findings: Finding[]; onGo: (finding: Finding) => void };

/** Everything that is wrong with a document; each entry leads to its place. */
export function Findings({ title, findings, onGo }: Props) {
  return (
    <Notice tone="bad" title={title}>
      <ul className="findings">
        {findings.map((finding) => (
          <li key={`${finding.line}:${finding.column}:${finding.path}:${finding.text}`}>
            {finding.line > 0 ? (
              <button
                type="button"
                className="link"
                onClick={() => {
                  onGo(finding);
                }}
              >
                {findingText(finding)}
              </button>
            ) : (
              findingText(finding)
            )}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

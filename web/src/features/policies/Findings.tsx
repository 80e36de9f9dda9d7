import type { Finding } from "../../api/client";
import { Notice } from "../../ui/Notice";
import { isHere } from "./layer";
import { findingText } from "./policy";

type Props = {
  tone?: "bad" | "warn";
  title: string;
  quiet?: boolean;
  findings: Finding[];
  onGo: (finding: Finding) => void;
};

/** Everything that is wrong with a document, or worth knowing; each entry leads to its place. */
export function Findings({ tone = "bad", title, quiet = false, findings, onGo }: Props) {
  return (
    <Notice tone={tone} title={title} quiet={quiet}>
      <ul className="findings">
        {findings.map((finding) => (
          <li key={`${finding.document}:${finding.line}:${finding.column}:${finding.path}:${finding.text}`}>
            {finding.line > 0 && isHere(finding) ? (
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

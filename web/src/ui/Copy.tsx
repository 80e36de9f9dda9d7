import { useState } from "react";
import { Button } from "./Button";

type Props = { text: string; label?: string };

/** Puts a text on the clipboard and says that it did. */
export function Copy({ text, label = "Copy" }: Props) {
  const [said, setSaid] = useState("");
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => {
        setSaid("Copied");
      },
      () => {
        setSaid("Select and copy by hand");
      },
    );
  };
  return (
    <>
      <Button onClick={copy}>{label}</Button>
      <span role="status" className="muted">
        {said}
      </span>
    </>
  );
}

import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// Features import ui and api, never each other; ui knows no domain.
const restrict = (patterns) => ({ "no-restricted-imports": ["error", { patterns }] });

export default tseslint.config(
  { ignores: ["node_modules", "src/api/generated"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Exports have names." },
        {
          selector: "TSAsExpression:not([typeAnnotation.typeName.name='const'])",
          message: "Parse, do not cast.",
        },
      ],
      "max-lines": ["error", 250],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/consistent-type-definitions": "off",
    },
  },
  {
    files: ["src/**/*.tsx"],
    extends: [a11y.flatConfigs.strict, hooks.configs.flat["recommended-latest"]],
    rules: {
      // A region that scrolls must take the focus, or the keyboard cannot scroll it (axe: scrollable-region-focusable).
      "jsx-a11y/no-noninteractive-tabindex": ["error", { roles: ["region"], tags: [] }],
      // It warns of the React Compiler, which is not used here.
      "react-hooks/incompatible-library": "off",
    },
  },
  { files: ["src/ui/**"], rules: restrict([{ group: ["**/api/**", "**/features/**", "**/app/**"] }]) },
  {
    files: ["src/features/**"],
    rules: restrict([{ regex: "^[.]{2}/(?![.]{2}/)", message: "Features never import each other." }]),
  },
  { files: ["*.config.ts"], rules: { "no-restricted-syntax": "off" } },
  {
    files: ["build/*.mjs", "bench/*.mjs"],
    languageOptions: {
      globals: { console: "readonly", process: "readonly", Buffer: "readonly", URL: "readonly" },
    },
  },
);

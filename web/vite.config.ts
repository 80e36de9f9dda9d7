import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `web/npm run dev` shows the console against a running server: AMPOULE_SERVER names it, and AMPOULE_TOKEN may
// hold an API token that the proxy sends along. Neither is part of what is built.
const server = process.env["AMPOULE_SERVER"] ?? "https://127.0.0.1:8443";
const token = process.env["AMPOULE_TOKEN"];

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../build/web/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 700,
    manifest: true,
  },
  server: {
    proxy: {
      "/api": {
        target: server,
        secure: false,
        ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
      },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});

import { defineConfig } from "vite"

/** Builds the dashboard into what the service serves at `/`. */
export default defineConfig({
  root: "src/dashboard",
  build: {
    outDir: "../../dist/dashboard",
    emptyOutDir: true,
    /** The first versions that know `light-dark()`; older targets would have it rewritten. */
    target: ["chrome123", "firefox120", "safari17.5"],
    /** Nothing becomes a `data:` address, and no script stands in the page: the Content-Security-Policy is strict. */
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }
  }
})

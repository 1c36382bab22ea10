import { render } from "preact"
import { App } from "./App.tsx"
import "uplot/dist/uPlot.min.css"
import "./styles/base.css"
import "./styles/controls.css"
import "./styles/layout.css"
import "./styles/tables.css"
import "./styles/overview.css"
import "./styles/chart.css"
import "./styles/cards.css"
import "./styles/details.css"

const root = document.getElementById("app")
if (root !== null) render(<App />, root)

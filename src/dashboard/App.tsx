import { Schema } from "effect"
import { useEffect, useErrorBoundary, useRef } from "preact/hooks"
import { LocationProvider, Route, Router } from "preact-iso"
import { MirroredType } from "../domain/Mirrored.ts"
import { RowId } from "../domain/Row.ts"
import { ActionsPage } from "./pages/ActionsPage.tsx"
import { BrokenPage } from "./pages/BrokenPage.tsx"
import { EntityPage } from "./pages/EntityPage.tsx"
import { ForbiddenPage } from "./pages/ForbiddenPage.tsx"
import { MissingPage } from "./pages/MissingPage.tsx"
import { OverviewPage } from "./pages/OverviewPage.tsx"
import { RowPage } from "./pages/RowPage.tsx"
import { RowsPage } from "./pages/RowsPage.tsx"
import { SignInPage } from "./pages/SignInPage.tsx"
import { Edges } from "./parts/Edge.tsx"
import { Header } from "./parts/Header.tsx"
import { focusHeading } from "./parts/Heading.tsx"
import { useLiveStream } from "./state/live.ts"
import { gate } from "./state/session.ts"
import { useStore } from "./state/store.ts"

interface Named {
  readonly id: string
}

const Events = () => <RowsPage table="events" key="events" />
const History = () => <RowsPage table="history" key="history" />
const isRowId = Schema.is(RowId)
const Event = ({ id }: Named) => (isRowId(id) ? <RowPage table="events" id={id} key={id} /> : <MissingPage />)
const Entry = ({ id }: Named) =>
  isRowId(id) ? <RowPage table="history" id={id} key={id} /> : <MissingPage />
const Entity = ({ id, type }: Named & { readonly type: string }) => {
  const known = MirroredType.literals.find((literal) => literal === type)
  return known === undefined ? <MissingPage /> : <EntityPage type={known} id={id} key={`${type} ${id}`} />
}

const Pages = () => {
  const kept = useStore(gate)
  useLiveStream()
  const before = useRef(kept.kind)
  useEffect(() => {
    // What was pressed to come in is gone.
    if (kept.kind === "open" && before.current !== "open") focusHeading()
    before.current = kept.kind
  }, [kept.kind])
  if (kept.kind === "sign-in") return <SignInPage />
  if (kept.kind === "forbidden") return <ForbiddenPage detail={kept.detail} />
  return (
    <>
      <Header />
      <main id="content" tabIndex={-1}>
        <Router onRouteChange={focusHeading}>
          <Route path="/" component={OverviewPage} />
          <Route path="/events" component={Events} />
          <Route path="/events/:id" component={Event} />
          <Route path="/history" component={History} />
          <Route path="/history/:id" component={Entry} />
          <Route path="/entities/:type/:id" component={Entity} />
          <Route path="/actions" component={ActionsPage} />
          <Route default component={MissingPage} />
        </Router>
      </main>
    </>
  )
}

/** A defect of the page itself: said, rather than left blank. */
const Whole = () => {
  const [defect] = useErrorBoundary()
  return defect === undefined ? <Pages /> : <BrokenPage detail={String(defect)} />
}

/** The whole page. */
export const App = () => (
  <LocationProvider>
    <Whole />
    <Edges />
  </LocationProvider>
)

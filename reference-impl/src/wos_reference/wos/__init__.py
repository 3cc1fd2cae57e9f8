"""The reference WOS: the smallest that keeps every rule of its role, clear enough to read in one sitting.

To be read in this order:

- the interface: `interface` (its operations), `body`, `coding`, `problem`, `schema`
- who calls: `identity`, `trust`, `trust_bundle`, `connection`, `proxy`
- what is known and decided: `fleet`, `artifact`, `publication`, `device`, `report`, `placement`, `eligibility`
- where it is kept: `storage`, `migration`, `lock`, `lookup`
- the operator's side: `operator` and `verb` (the test control), `request`, `application`, `console`, `overview`, `page`
- the identity service: `identity_service`, `enrolment`, `issuer`
- running it: `cli`, `operation`, `configuration`, `server`, `token`, `log`, `metric`, `observation`, `sighting`
"""

package verifier

import (
	_ "embed"
)

//go:embed verifier.html
var page string

// Page is the whole page, HTML in UTF-8. It says its own content security policy, which lets it load nothing. Whoever
// serves it with a policy in the headers must leave its inline scripts and style in force, by the digests that stand in
// the page, or send none. Browsers offer WebCrypto, which it needs, only over https, on the local host, and to files.
func Page() []byte { return []byte(page) }

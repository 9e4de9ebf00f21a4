package phone

import "testing"

func TestShownNumbersAreThoseOfTheirOwners(t *testing.T) {
	for shown, want := range map[string]bool{
		"254705912645": true, "+254 705 912645": true, "2547 ***** 645": true, "25470****645": true, "2547*645": true,
		"94c392c311d522da950619227b3361752a42042db7e1e699b26e628305c68a88": true,
		"94C392C311D522DA950619227B3361752A42042DB7E1E699B26E628305C68A88": true,
		"bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4": false, // of 254708374149
		"": false, "****645": false, "2547 ***** 646": false, "25471****645": false, "254705912646": false, "254705912645*": false, "*": false,
	} {
		if got := Shows(shown, "254705912645"); got != want {
			t.Errorf("%q: %v", shown, got)
		}
	}
}

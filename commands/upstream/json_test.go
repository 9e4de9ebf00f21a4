package upstream

import "testing"

func TestDecodeErrorsSayWhatIsWrongAndNothingElse(t *testing.T) {
	for want, e := range map[string]*DecodeError{
		"payload: not a JSON object":                      {NotJSON, ""},
		"payload: too large":                              {TooLarge, ""},
		"payload: nested too deeply":                      {TooDeep, ""},
		"payload: TransID is missing":                     {MissingField, "TransID"},
		"payload: Amount is of the wrong type":            {WrongType, "Amount"},
		"payload: Amount is not a possible value":         {BadValue, "Amount"},
		"payload: Amount is malformed":                    {0, "Amount"},
		"payload: CheckoutRequestID is of the wrong type": {WrongType, "CheckoutRequestID"},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}

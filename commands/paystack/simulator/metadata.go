package simulator

import (
	"encoding/json"
)

// parseMetadata takes an object, or a string that holds one, and returns what verify echoes. Numbers inside come back
// as strings (recorded on the test API); without metadata it is "". cancel_action, a URL, is where the page's cancel
// link goes.
func parseMetadata(v any) (echo json.RawMessage, cancelURL string, ok bool) {
	if text, isText := v.(string); isText && text != "" {
		var inner any
		if json.Unmarshal([]byte(text), &inner) != nil {
			return nil, "", false
		}
		v = inner
	}
	object, isObject := v.(map[string]any)
	switch {
	case v == nil || v == "":
		return json.RawMessage(`""`), "", true
	case !isObject:
		return nil, "", false
	}
	if target, isText := object["cancel_action"].(string); isText && webURL(target) {
		cancelURL = target
	}
	echo, err := json.Marshal(numbersAsText(object))
	return echo, cancelURL, err == nil
}

func numbersAsText(v any) any {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case float64: // from metadata that came as a string
		text, _ := json.Marshal(v) // a number from JSON always marshals
		return string(text)
	case map[string]any:
		for key, each := range v {
			v[key] = numbersAsText(each)
		}
	case []any:
		for i, each := range v {
			v[i] = numbersAsText(each)
		}
	}
	return v
}

// Needs Go 1.18 and nothing else. Run it with: go run token.go
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

func main() {
	clientID := {{client}}
	clientSecret := os.Getenv("OAUTHORITY_CLIENT_SECRET")
	form := url.Values{
		"grant_type": {"client_credentials"},
|scope|		"scope":      {{{scope}}},
|resource|		"resource":   {{{resource}}},
|post|		"client_id":     {clientID},
|post|		"client_secret": {clientSecret},
	}
	request, err := http.NewRequest("POST", {{endpoint}}, strings.NewReader(form.Encode()))
	check(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
|basic|	request.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Do(request)
	check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode != http.StatusOK {
		check(fmt.Errorf("%s", body))
	}
	// Keep it and use it again until it expires, rather than asking for one each time.
	fmt.Println(string(body))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

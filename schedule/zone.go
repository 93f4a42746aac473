package schedule

import (
	"fmt"
	"strings"
	"time"
)

// CheckZone looks at the form of a time zone's name. Whether there is such a zone is for the machine that runs it to say.
func CheckZone(name string) (string, error) {
	good := name != "" && !strings.HasPrefix(name, "/") && !strings.Contains(name, "..")
	for _, r := range name {
		good = good && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/_+-", r))
	}
	if !good {
		return "", fmt.Errorf("%q is not a time zone: write a name such as UTC, Europe/Berlin or Local", clip(name))
	}
	return name, nil
}

// Zone is a time zone by its name. All but UTC are files of the package tzdata, which goinit does not carry with it: that
// would be 450 KB.
func Zone(name string) (*time.Location, error) {
	switch name {
	case "", "UTC":
		return time.UTC, nil
	case "Local":
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		return zone, nil
	}
	if _, err := time.LoadLocation("Etc/UTC"); err != nil {
		return nil, fmt.Errorf("there is no time zone %s, for this system has no time zones at all\n"+
			"  install them: apk add tzdata, apt-get install tzdata, or COPY --from=BUILD /usr/share/zoneinfo /usr/share/zoneinfo; or write the time in UTC", name)
	}
	return nil, fmt.Errorf("there is no time zone %s in /usr/share/zoneinfo\n"+
		"  is it misspelled? names are such as Europe/Berlin, America/New_York, UTC", name)
}

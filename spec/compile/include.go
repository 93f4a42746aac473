package compile

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// include adds the apps of the files that a spec includes.
func (c *checker) include(main *source, tree object) object {
	patterns, _ := tree.get("include").([]any)
	apps, _ := tree.get("apps").(object)
	for i, p := range patterns {
		pattern, _ := p.(string)
		at := c.placeOf("include." + strconv.Itoa(i))
		switch {
		case pattern == bad:
			continue
		case strings.Contains(pattern, "${"):
			c.problem(at, "include: is read when compiling, where no ${VAR} is known")
			continue
		}
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(main.name), pattern)
		}
		paths, err := c.files.Glob(pattern)
		if err != nil {
			c.problem(at, "include: %q: %v", clip(pattern), err)
			continue
		}
		if len(paths) == 0 && !strings.ContainsAny(pattern, "*?[") {
			c.problem(at, "include: there is no file %s", clip(pattern))
		}
		for _, path := range paths {
			apps = append(apps, c.included(path, at, apps)...)
		}
	}
	if len(apps) > 0 {
		tree.set("apps", apps)
	}
	return tree.without("include")
}

func (c *checker) included(path string, from place, apps object) object {
	if slices.ContainsFunc(c.sources, func(s *source) bool { return filepath.Clean(s.name) == filepath.Clean(path) }) {
		return nil // by two patterns, or itself
	}
	before := make(map[string]place, len(apps))
	for _, a := range apps {
		before[a.name] = c.places["apps."+a.name]
	}
	s := c.open(path, &from)
	if s == nil {
		return nil
	}
	found, _ := c.file(s, includedKeys(), "").get("apps").(object)
	for _, a := range found {
		if at, twice := before[a.name]; twice {
			c.problem(c.places["apps."+a.name], "app %q twice: it is in %s already", a.name, at.file.name)
		}
	}
	return slices.DeleteFunc(found, func(m member) bool { _, twice := before[m.name]; return twice })
}

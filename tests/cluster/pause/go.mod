module github.com/azds/azds/tests/cluster/pause

go 1.25.0

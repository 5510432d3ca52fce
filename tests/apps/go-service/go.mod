module example.test/go-service

go 1.26

package holdall

// Principal is a verified caller. The host, or an authenticator such as
// httpapi/jwtauth, makes it from credentials that it has checked; nothing
// that a client can write freely may end up in it.
type Principal struct {
	// Tenant is the hard partition: nothing outside it exists for this caller.
	Tenant string
	// User is the person, agent or service that calls. It is stamped as
	// created_by, updated_by and deleted_by, and owns what is in tier [User].
	User string
	// App is the application whose token the caller uses, or "" for a caller
	// outside any app. It owns what is in tier [Private].
	App string
	// Permissions are permission keys such as "storage:read".
	Permissions []string
	// Roles are names that [Config.Roles] resolves to permission keys. A name
	// that is not in that table grants nothing.
	Roles []string
}

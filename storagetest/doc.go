// Package storagetest proves that a backend keeps the contract of package
// holdall. A backend's own tests call it:
//
//	func TestCatalog(t *testing.T) {
//		storagetest.Catalog(t, func(t *testing.T) holdall.Catalog { return open(t) })
//	}
//
// Each rule is a case of its own, and a case that fails prints which rule it
// is. Everything random comes from one seed that is printed too; set
// HOLDALL_SEED to it to see the same run again.
//
// open is called once for each case. What it returns may share a server, a
// schema and a folder with other cases: every case works in new tenants and
// under new ids and keys, and does not mind what others left there. -short
// leaves out the largest inputs.
package storagetest

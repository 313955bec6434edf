"""Who a person is: users and passwords, later directory servers."""

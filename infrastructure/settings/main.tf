# Names and sizes of everything, worked out without asking AWS: tested by `terraform test`.

terraform {
  required_version = ">= 1.10"
}

locals {
  sizes = {
    # Of instances at least and at most; one core hashes more than its network brings.
    small = {
      instance_type = "t3.small", instances = { min = 1, max = 2 }
      database      = { class = "db.t4g.micro", gigabytes = 20, most = 100, multi_az = false, insights = false }
    }
    medium = {
      instance_type = "m7i.large", instances = { min = 2, max = 4 }
      database      = { class = "db.t4g.medium", gigabytes = 50, most = 500, multi_az = true, insights = true }
    }
    large = {
      instance_type = "m7i.xlarge", instances = { min = 2, max = 8 }
      database      = { class = "db.r7g.large", gigabytes = 100, most = 2000, multi_az = true, insights = true }
    }
  }

  # Two zones of 256 addresses each, for what faces the internet and for what does not.
  network = "10.80.0.0/16"
}

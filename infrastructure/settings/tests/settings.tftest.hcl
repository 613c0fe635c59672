variables {
  name        = "dockyard"
  account_id  = "123456789012"
  region      = "eu-central-1"
  size        = "small"
  domain      = "images.example.org"
  zone_id     = "Z0123456789"
  app_version = "0.1.0"
  keep_days   = 14
}

run "names_are_worked_out" {
  command = plan

  assert {
    condition     = output.buckets.blobs == "dockyard-blobs-123456789012-eu-central-1"
    error_message = "The bucket of the blobs is ${output.buckets.blobs}."
  }
  assert {
    condition     = alltrue([for bucket in values(output.buckets) : length(bucket) <= 63])
    error_message = "A bucket's name has at most 63 characters."
  }
  assert {
    condition     = length(toset(values(output.buckets))) == 3
    error_message = "Each bucket has a name of its own."
  }
  assert {
    condition     = output.public_url == "https://images.example.org"
    error_message = "The address is ${output.public_url}."
  }
  assert {
    condition     = output.makes_certificate
    error_message = "With a zone, a certificate is made."
  }
  assert {
    condition     = output.bundle_key == "dockyard-0.1.0.zip"
    error_message = "The bundle is ${output.bundle_key}."
  }
}

run "parts_of_the_network_do_not_overlap" {
  command = plan

  assert {
    condition     = length(toset(concat(output.network.public, output.network.private))) == 4
    error_message = "There are four parts."
  }
  assert {
    condition     = output.network.private[1] == "10.80.11.0/24"
    error_message = "The last part is ${output.network.private[1]}."
  }
}

run "the_longest_name_still_fits" {
  command = plan

  variables {
    name   = "registry-of-the-firm"
    region = "ap-southeast-2"
  }
  assert {
    condition     = alltrue([for bucket in values(output.buckets) : length(bucket) <= 63])
    error_message = "A bucket's name has at most 63 characters."
  }
}

run "larger_ones_survive_the_loss_of_a_zone" {
  command = plan

  variables {
    size = "medium"
  }
  assert {
    condition     = output.size.database.multi_az && output.size.instances.min >= 2
    error_message = "From medium on, there are two of everything."
  }
}

run "a_certificate_may_be_there_already" {
  command = plan

  variables {
    zone_id         = null
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
  }
  assert {
    condition     = !output.makes_certificate
    error_message = "No certificate is made beside a given one."
  }
}

run "https_takes_a_certificate" {
  command = plan

  variables {
    zone_id = null
  }
  expect_failures = [var.certificate_arn]
}

run "and_only_one" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
  }
  expect_failures = [var.certificate_arn]
}

run "a_name_begins_with_a_letter" {
  command = plan

  variables {
    name = "1st"
  }
  expect_failures = [var.name]
}

run "a_name_is_short" {
  command = plan

  variables {
    name = "the-registry-of-the-firm"
  }
  expect_failures = [var.name]
}

run "a_domain_is_no_url" {
  command = plan

  variables {
    domain = "https://images.example.org"
  }
  expect_failures = [var.domain]
}

run "a_size_is_one_of_three" {
  command = plan

  variables {
    size = "huge"
  }
  expect_failures = [var.size]
}

run "days_are_what_all_services_know" {
  command = plan

  variables {
    keep_days = 10
  }
  expect_failures = [var.keep_days]
}

# Dockyard on AWS: `terraform apply` makes everything, docs/deploy-aws.md says how.

module "settings" {
  source = "./settings"

  name            = var.name
  account_id      = data.aws_caller_identity.here.account_id
  region          = var.region
  size            = var.size
  domain          = var.domain
  zone_id         = var.zone_id
  certificate_arn = var.certificate_arn
  app_version     = var.app_version
  keep_days       = var.keep_days
}

data "aws_caller_identity" "here" {}

data "aws_partition" "here" {}

data "aws_availability_zones" "here" {
  # checkov:skip=CKV_AWS_394:Subnets stay in the zone that they were made in, whatever comes later.
  state = "available"
}

locals {
  name      = module.settings.name
  account   = data.aws_caller_identity.here.account_id
  partition = data.aws_partition.here.partition
  # Where clients' connections end, and where the server listens on its machine.
  https_port  = 443
  server_port = 3000
}

# One key for what is at rest: database, blobs, secrets, logs.
resource "aws_kms_key" "this" {
  description             = "${local.name}: database, blobs, secrets and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:In the policy of a key, "*" is that key.
  # checkov:skip=CKV_AWS_111:In the policy of a key, "*" is that key.
  # checkov:skip=CKV_AWS_356:In the policy of a key, "*" is that key.
  # The account's own policies decide who uses the key; without this, nobody could change it ever again.
  statement {
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${var.region}:${local.account}:log-group:*"]
    }
  }

  # Alarms are sent through an encrypted topic.
  statement {
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

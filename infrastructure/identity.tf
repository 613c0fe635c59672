# What each part may do, and no more.

data "aws_iam_policy_document" "assumed_by" {
  for_each = {
    server     = "ec2.amazonaws.com"
    beanstalk  = "elasticbeanstalk.amazonaws.com"
    flow_log   = "vpc-flow-logs.amazonaws.com"
    monitoring = "monitoring.rds.amazonaws.com"
  }

  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

# --- the servers ------------------------------------------------------------------------------------------------------

resource "aws_iam_role" "server" {
  name               = "${local.name}-server"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["server"].json
}

resource "aws_iam_instance_profile" "server" {
  name = "${local.name}-server"
  role = aws_iam_role.server.name
}

resource "aws_iam_role_policy" "server" {
  name   = "dockyard"
  role   = aws_iam_role.server.id
  policy = data.aws_iam_policy_document.server.json
}

data "aws_iam_policy_document" "server" {
  statement {
    sid       = "Blobs"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.this["blobs"].arn}/*"]
  }

  statement {
    sid       = "ListBlobs"
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.this["blobs"].arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "DatabaseUrl"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.database_url.arn]
  }

  statement {
    sid       = "Bundle"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.this["bundles"].arn}/*"]
  }

  # What Elastic Beanstalk's own agent does: fetch what to run from its bucket, and leave logs there when asked to.
  statement {
    sid       = "Agent"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::elasticbeanstalk-${var.region}-${local.account}/resources/environments/*"]
  }

  statement {
    sid       = "Health"
    actions   = ["elasticbeanstalk:PutInstanceStatistics"]
    resources = ["arn:${local.partition}:elasticbeanstalk:${var.region}:${local.account}:*/${local.name}*"]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["arn:${local.partition}:logs:${var.region}:${local.account}:log-group:${module.settings.log_group}*"]
  }
}

# --- Elastic Beanstalk itself -----------------------------------------------------------------------------------------

resource "aws_iam_role" "beanstalk" {
  name               = "${local.name}-beanstalk"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["beanstalk"].json
}

resource "aws_iam_role_policy_attachment" "beanstalk" {
  for_each = toset([
    "service-role/AWSElasticBeanstalkEnhancedHealth",
    "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
  ])

  role       = aws_iam_role.beanstalk.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.value}"
}

# --- what watches -------------------------------------------------------------------------------------------------------

resource "aws_iam_role" "monitoring" {
  name               = "${local.name}-monitoring"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["monitoring"].json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_iam_role" "flow_log" {
  name               = "${local.name}-flow-log"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["flow_log"].json
}

resource "aws_iam_role_policy" "flow_log" {
  name   = "write"
  role   = aws_iam_role.flow_log.id
  policy = data.aws_iam_policy_document.flow_log.json
}

data "aws_iam_policy_document" "flow_log" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${aws_cloudwatch_log_group.flow_log.arn}:*"]
  }
}

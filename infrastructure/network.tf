# A network of its own: the load balancer faces the internet, servers and database do not. Blobs go to S3 inside AWS.

resource "aws_vpc" "this" {
  cidr_block           = module.settings.network.all
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.name }
}

# Nothing uses it: it allows nothing.
resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = local.name }
}

resource "aws_subnet" "public" {
  count = length(module.settings.network.public)

  vpc_id            = aws_vpc.this.id
  cidr_block        = module.settings.network.public[count.index]
  availability_zone = data.aws_availability_zones.here.names[count.index]

  tags = { Name = "${local.name}-public-${count.index}" }

  # A zone that AWS adds must not move what is there.
  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_subnet" "private" {
  count = length(module.settings.network.private)

  vpc_id            = aws_vpc.this.id
  cidr_block        = module.settings.network.private[count.index]
  availability_zone = data.aws_availability_zones.here.names[count.index]

  tags = { Name = "${local.name}-private-${count.index}" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

# Servers fetch updates and talk to Elastic Beanstalk through it.
resource "aws_eip" "nat" {
  domain = "vpc"

  tags = { Name = "${local.name}-nat" }
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public[0].id

  tags       = { Name = local.name }
  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }

  tags = { Name = "${local.name}-public" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.this.id
  }

  tags = { Name = "${local.name}-private" }
}

resource "aws_route_table_association" "public" {
  count = length(aws_subnet.public)

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  count = length(aws_subnet.private)

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

# Free of charge, unlike the way over the NAT gateway.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
}

# --- who may talk to whom -----------------------------------------------------------------------------------------------

resource "aws_security_group" "balancer" {
  # checkov:skip=CKV2_AWS_5:Elastic Beanstalk attaches it, by a setting.
  name        = "${local.name}-balancer"
  description = "Clients reach the load balancer"
  vpc_id      = aws_vpc.this.id
}

resource "aws_security_group" "server" {
  # checkov:skip=CKV2_AWS_5:Elastic Beanstalk attaches it, by a setting.
  name        = "${local.name}-server"
  description = "The load balancer reaches the servers"
  vpc_id      = aws_vpc.this.id
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "The servers reach the database"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  # checkov:skip=CKV_AWS_260:Port 80 leads on to HTTPS, and does nothing else.
  for_each = { https = local.https_port, http = 80 }

  security_group_id = aws_security_group.balancer.id
  description       = "Clients, by ${each.key}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "To the servers"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = local.server_port
  to_port                      = local.server_port
}

resource "aws_vpc_security_group_ingress_rule" "server" {
  security_group_id            = aws_security_group.server.id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.server_port
  to_port                      = local.server_port
}

resource "aws_vpc_security_group_egress_rule" "server_https" {
  security_group_id = aws_security_group.server.id
  description       = "To S3, Elastic Beanstalk and other services of AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = local.https_port
  to_port           = local.https_port
}

resource "aws_vpc_security_group_egress_rule" "server_database" {
  security_group_id            = aws_security_group.server.id
  description                  = "To the database"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = aws_db_instance.this.port
  to_port                      = aws_db_instance.this.port
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "From the servers"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = aws_db_instance.this.port
  to_port                      = aws_db_instance.this.port
}

# --- what passes ----------------------------------------------------------------------------------------------------------

resource "aws_flow_log" "this" {
  vpc_id          = aws_vpc.this.id
  traffic_type    = "REJECT"
  iam_role_arn    = aws_iam_role.flow_log.arn
  log_destination = aws_cloudwatch_log_group.flow_log.arn
}

resource "aws_cloudwatch_log_group" "flow_log" {
  # checkov:skip=CKV_AWS_338:How long is for whoever runs it to say; what was refused is of little use after a year.
  name              = "/${local.name}/rejected-connections"
  retention_in_days = var.keep_days
  kms_key_id        = aws_kms_key.this.arn
}
